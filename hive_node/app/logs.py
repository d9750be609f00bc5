"""What the daemon writes to its log: lines on standard error, or entries with fields where that is systemd's journal."""

import logging
import os
import sys
from typing import Final

from hive_node.adapters.journald import JournalHandler, is_journal

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logging(level: str) -> None:
    """From now on each record of that level or above is written."""
    logging.basicConfig(level=level.upper(), handlers=[_handler()], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _handler() -> logging.Handler:
    if is_journal(sys.stderr.fileno(), os.environ):
        try:
            return JournalHandler(_parts)
        except OSError:
            logging.getLogger(__name__).debug("the journal has no socket here; it reads standard error")
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    return handler


class _Formatter(logging.Formatter):
    """`time level logger message key=value …`, control characters made visible."""

    def format(self, record: logging.LogRecord) -> str:
        message, fields = _parts(record)
        said = " ".join([message, *(f"{name}={value}" for name, value in fields.items())])
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {said}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    fields = {name: _clean(str(value)) for name, value in vars(record).items() if name not in _STANDARD}
    return _clean(record.getMessage()), fields


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
