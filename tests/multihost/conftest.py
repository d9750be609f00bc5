from collections.abc import Iterator

import pytest

from tests.multihost.hosts import Hive, hive_on, shown, until
from tests.multihost.lan import Lan, why_not


@pytest.fixture(scope="session")
def permitted() -> None:
    """Skips, with its reason, where no network can be laid."""
    if problem := why_not():
        pytest.skip(problem)


@pytest.fixture
def five(standing_five: Hive) -> Iterator[Hive]:
    """Five nodes of one hive on five hosts, in step; hosts and cables are repaired afterwards."""
    until(standing_five.in_step, told=lambda: shown(standing_five))
    yield standing_five
    standing_five.repair()


@pytest.fixture(scope="module")
def standing_five(permitted: None) -> Iterator[Hive]:
    """One hive for all stories: it takes longer to found than a story to tell."""
    with Lan.laid(6) as lan, hive_on(lan, 5) as hive:
        yield hive
