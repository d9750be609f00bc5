"""The daemon's own process: `python -m hive_node.daemon HOME`. `hive-node run` becomes this, and leaves the command line behind."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from hive_node.adapters.secrecy import keep_memory_private
from hive_node.app import configure_logging, run_node
from hive_node.config.home import Home
from hive_node.config.node import load_node_config
from hive_node.config.toml import ConfigError
from hive_node.ports import FatalError

_NO: Final = 1
_USAGE: Final = 2
_LEVEL: Final = "info"


def main() -> int:
    """Run the node in the folder that the one argument names. Returns the exit code."""
    keep_memory_private()
    home = Home(Path(sys.argv[1]))
    try:
        # Without settings there is no node, or a restore that was cut off put them aside: the log says which.
        configure_logging(load_node_config(home.config).log.level if home.config.is_file() else _LEVEL)
        asyncio.run(run_node(home))
    except FatalError as error:
        sys.stderr.write(f"hive-node: {error} [{error.code}]\n")
        return _NO
    except ConfigError as error:
        sys.stderr.write(f"hive-node: {error}\n")
        return _USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
