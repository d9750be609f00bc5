"""A secret, and a look for it through whatever is asked."""

from collections.abc import Iterable, Sequence
from typing import Any

from guardrails.scope.engine import default_engine
from guardrails.scope.local import LocalFacts
from hive_node.cli.scanning.found import Scan
from hive_node.cli.scanning.knowledge import Scanner
from hive_node.cli.scanning.sources import Source, sources
from hive_node.cli.scanning.walk import Walk

# Put together here, so that this file holds no such thing itself.
SECRET = "xK9" + "vQ2pLm8Zr7wT4n"
LINE = f'password = "{SECRET}"\n'


def scanner(*secrets: str) -> Scanner:
    """The rules, on a machine that has these secrets and no names."""
    return Scanner(default_engine(), LocalFacts.build([], secrets, b"a key of this test's own, 32 by!"))


def look_at(looked_at: Iterable[Source], *secrets: str, **options: Any) -> Scan:
    """What is found there."""
    found = Scan()
    Walk(scanner(*secrets), found, **options).over(looked_at, lambda _bytes: None)
    return found


def look(paths: Sequence[str], **options: Any) -> Scan:
    """What is found below the paths."""
    problems: list[tuple[str, str]] = []
    found = look_at(sources(paths, problems), **options)
    found.unread += problems
    return found
