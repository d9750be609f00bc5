"""A command that ends itself with SIGKILL at the n-th of the moments in which files or the database change.

Its arguments: NTH WORD…; the words are those of `hive-node`, or `daemon HOME`. Nothing is replaced: Python itself tells of each
opening, renaming and removing (audit hooks), and SQLAlchemy of each statement. With NTH 0 it lives, and prints how many there were.
"""

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect", "shutil.rmtree"})
_WRITES = os.O_WRONLY | os.O_RDWR


class Moments:
    """Counts what happened since `begin`; at the n-th there is no more."""

    def __init__(self, nth: int) -> None:
        self.nth, self.seen, self.counts = nth, 0, False

    def one(self) -> None:
        if self.counts:
            self.seen += 1
            if self.seen == self.nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def audited(self, name: str, arguments: tuple[Any, ...]) -> None:
        if "__pycache__" in str(arguments[:1]):
            return  # what Python itself keeps of its modules is written once, or not at all
        if name in _CHANGES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
            self.one()


def main() -> None:
    moments = Moments(int(sys.argv[1]))
    sys.argv[1:] = sys.argv[2:]
    sys.addaudithook(moments.audited)
    event.listen(Engine, "before_cursor_execute", lambda *_: moments.one())
    event.listen(Engine, "commit", lambda *_: moments.one())
    if sys.argv[1] == "migrate":
        from pathlib import Path

        import alembic.command  # noqa: F401  its own files are no moments of ours

        from hive_node.adapters.store.database import migrate

        moments.counts = True
        migrate(Path(sys.argv[2]))
    else:
        from hive_node.cli.main import run

        moments.counts = True
        try:
            run()
        except SystemExit as ended:
            if ended.code:
                raise
    moments.counts = False
    print(moments.seen)
