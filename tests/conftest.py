"""For all tests: no time is asserted anywhere, by Hypothesis neither. What is imported at first use counts as a slow draw."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hive_node.adapters.scope_engine import load_engine
from hive_node.config.home import pattern_cache

settings.register_profile("hive", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hive")
# Compiled patterns are this checkout's own: another one would make them anew at each start, and so would this one.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".cache")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Patterns take seconds to compile: once for all that run here, and in no test's time."""
    load_engine(pattern_cache())
