"""What every story has in common: a job that fails for a bug of ours is caught by the network, and must not go unseen."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_job_failed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    failed = [
        one for one in caplog.records if one.levelno >= logging.ERROR and one.name.startswith("hive_node.adapters")
    ]
    assert not failed, failed
