"""Handlers of the user's own: files of decorated functions, each function on the queue by itself, in a process of its own."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive_node.adapters.skills.worker import Worker, WorkerFault
from hive_node.ports.skills import Deliveries, Delivery
from hive_node.skills.event import Kind
from protocol.wire import JsonValue, dump_json

logger = logging.getLogger(__name__)

# A handler that has not come back after a minute has hung: it is killed, and tried again later.
HANDLER_S: Final = 60.0
_LOADING_S: Final = 30.0
# A result is a note of what was done, not a file.
_RESULT_BYTES: Final = 64 * 1024
_MODULE: Final = "hive_node.adapters.skills.handler_process"


@dataclass(slots=True)
class UserHandler:
    """One decorated function. Its result and the acknowledgement are one transaction."""

    name: str
    function: str
    kinds: frozenset[Kind]
    worker: Worker
    deliveries: Deliveries

    async def take(self, delivery: Delivery) -> bool:
        """As Consumer.take. Raises WorkerFault."""
        request = {"handler": self.function, "event": delivery.event.tree() | {"attempt": delivery.attempts + 1}}
        result: JsonValue = await self.worker.ask(request, HANDLER_S)
        if len(dump_json(result)) > _RESULT_BYTES:
            raise WorkerFault("worker.result", f"a result has at most {_RESULT_BYTES} bytes of JSON")
        await self.deliveries.done(self.name, delivery, result)
        return True


async def find_handlers(files: Sequence[Path], deliveries: Deliveries) -> list[UserHandler]:
    """Every handler in the files. A file that cannot be loaded is told of, and keeps no other from working."""
    found: list[UserHandler] = []
    for path in files:
        worker = Worker(("-P", "-m", _MODULE, str(path)))
        try:
            listed = await worker.ask({}, _LOADING_S)
        except WorkerFault as fault:
            logger.error("handlers not loaded", extra={"file": str(path), "code": fault.code, "reason": str(fault)})
            continue
        finally:
            await worker.close()
        found += [_handler(path, name, kinds, deliveries) for name, kinds in listed.items()]
    by_name = {one.name: one for one in reversed(found)}
    for one in found:
        if by_name[one.name] is not one:
            logger.error("handler left out: another one has its name", extra={"handler": one.name})
    return [one for one in found if by_name[one.name] is one]


def _handler(path: Path, function: str, kinds: Sequence[str], deliveries: Deliveries) -> UserHandler:
    worker = Worker(("-P", "-m", _MODULE, str(path)))
    return UserHandler(f"{path.stem}.{function}", function, frozenset(map(Kind, kinds)), worker, deliveries)
