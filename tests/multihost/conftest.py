from collections.abc import Iterator

import pytest

from tests.multihost.hosts import Hive, hive_on, shown, until
from tests.multihost.lan import Lan, why_not


@pytest.fixture(scope="session")
def permitted() -> None:
    """Skips, with its reason, where no network can be laid."""
    if problem := why_not():
        pytest.skip(problem)


@pytest.fixture(scope="module")
def five(permitted: None) -> Iterator[Hive]:
    """Five nodes of one hive on five hosts, in step. Each story leaves them so."""
    with Lan.laid(6) as lan, hive_on(lan, 5) as hive:
        until(hive.in_step, told=lambda: shown(hive))
        yield hive
