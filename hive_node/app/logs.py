"""What the daemon writes to standard error."""

import logging
from typing import Final


def configure_logging(level: str) -> None:
    """One line a record on standard error, with its fields."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """`time level logger message key=value …`, control characters made visible."""

    _STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in self._STANDARD}
        said = " ".join([record.getMessage(), *(f"{name}={value}" for name, value in fields.items())])
        clean = "".join(character if character.isprintable() else "?" for character in said)
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {clean}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
