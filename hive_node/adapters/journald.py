"""Log records to systemd's journal, with their fields, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).

Forty lines instead of python-systemd, which is built from C against the system's own libsystemd: no wheel of it exists.
"""

import logging
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

# A record's message and its own fields, as text that is harmless to a terminal.
FieldsOf: TypeAlias = Callable[[logging.LogRecord], tuple[str, dict[str, str]]]
SOCKET: Final = "/run/systemd/journal/socket"
STREAM: Final = "JOURNAL_STREAM"
# sd-daemon(3).
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.DEBUG, 7),
)
# A datagram of a default Linux socket holds some 200 KiB; no record of ours needs a tenth of it.
_FIELD_BYTES: Final = 16 * 1024


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether what is written to `descriptor` goes to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get(STREAM) == f"{found.st_dev}:{found.st_ino}"


class JournalHandler(logging.Handler):
    """Each record one entry: MESSAGE, PRIORITY, LOGGER, and each field of the record as HIVE_NAME.

    Raises OSError where there is no journal. A record that it does not take goes to standard error, which it reads too.
    """

    def __init__(self, fields_of: FieldsOf, path: str = SOCKET) -> None:
        super().__init__()
        self._fields_of = fields_of
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.send(b"".join(_field(name, text) for name, text in self._entry(record).items()))
        except (OSError, ValueError, TypeError):
            self.handleError(record)

    def close(self) -> None:
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> dict[str, str]:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        message, fields = self._fields_of(record)
        entry = {"MESSAGE": message, "PRIORITY": str(priority), "SYSLOG_IDENTIFIER": "hive-node", "LOGGER": record.name}
        if record.exc_info:
            entry["TRACEBACK"] = "".join(traceback.format_exception(*record.exc_info))
        return entry | {f"HIVE_{_name(name)}": text for name, text in fields.items()}


def _field(name: str, text: str) -> bytes:
    value = text.encode("utf-8", "replace")[:_FIELD_BYTES]
    # A line feed would end the field: such a value is sent with its length before it.
    return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)


def _name(name: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "_" for one in name.upper())
