"""The composition root: the one place where adapters meet the flows, and where a home becomes a running node.

`foundation` is what every part stands on; `federated`, `code`, `agents` and `advice` compose one side of the node each; `node` puts them together.
"""

from hive_node.app.logs import configure_logging
from hive_node.app.node import Node, NodeBuilder, open_node
from hive_node.app.running import lock_home, run_node

__all__ = ["Node", "NodeBuilder", "configure_logging", "lock_home", "open_node", "run_node"]
