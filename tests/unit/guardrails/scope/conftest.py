"""What the tests of the scope guard share: the engine on both rungs, and a machine that is known."""

import pytest

from guardrails.scope import Engine, LocalFacts, ScopeGuard, default_engine
from guardrails.scope.catalogue import load_rules


@pytest.fixture(scope="session")
def engine() -> Engine:
    return default_engine()


@pytest.fixture(scope="session")
def fallback() -> Engine:
    return Engine(load_rules(), "aho-corasick")


@pytest.fixture(scope="session")
def local() -> LocalFacts:
    return LocalFacts.build(
        [
            ("user", "akowalska"),
            ("home", "/home/akowalska"),
            ("git_name", "Anna Kowalska"),
            ("git_email", "anna@kowalska.pl"),
            ("host", "thinkpad-anna"),
            ("remote_host", "git.kowalska-werke.de"),
            ("address", "192.168.178.23"),
        ],
        ["sunshine-and-rain", "0" + "f" * 3 + "a1b2c3d4" * 7 + "5678", "tulips"],
        b"a key of this test's own, 32 by!",
    )


@pytest.fixture(scope="session")
def guard(engine: Engine, local: LocalFacts) -> ScopeGuard:
    return ScopeGuard(engine, local)
