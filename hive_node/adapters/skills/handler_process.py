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
    handlers = {handler.name: handler for handler in found}
    line.serve(lambda request: _answer(request, handlers))


def _answer(request: dict[str, Any], handlers: dict[str, Handler]) -> Any:
    if "handler" not in request:
        return [{"name": one.name, "kind": one.kind.value} for one in handlers.values()]
    return handlers[request["handler"]].handle(request["event"])


if __name__ == "__main__":
    main()
