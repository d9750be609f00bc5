"""A process of a file of handlers: `python -m hive_node.adapters.skills.handler_process FILE`."""

import runpy
import sys
from typing import Any

from hive_node.adapters.skills.child import take_line
from hive_node.skills.handlers import Handler, collecting


def main() -> None:
    """List the file's handlers, or call one with an event, as the node asks."""
    line = take_line()
    with collecting() as found:
        runpy.run_path(sys.argv[1], run_name="hive_node_handlers")
    line.serve(lambda request: _answer(request, found))


def _answer(request: dict[str, Any], found: list[Handler]) -> Any:
    """A function that was marked twice is one handler of two kinds; of two functions of one name the later one counts."""
    handlers = {handler.name: handler.handle for handler in found}
    if "handler" not in request:
        return {name: [one.kind.value for one in found if one.name == name] for name in handlers}
    return handlers[request["handler"]](request["event"])


if __name__ == "__main__":
    main()
