"""The compiled patterns' cache file: used when it fits, made again when it does not, never trusted to say something else."""

import gc
import weakref
from pathlib import Path

import pytest

from guardrails.scope import Engine, engine, prefilter
from hive_node.adapters import scope_engine
from hive_node.config.home import pattern_cache

TEXT = "token = " + "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def made() -> bytes:
    """What a process of its own made when these tests began."""
    assert pattern_cache().stat().st_mode & 0o777 == 0o600
    return pattern_cache().read_bytes()


@pytest.fixture
def cache(tmp_path: Path, made: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file as it was made, in a process that begins; what makes it again is that it is written again."""
    path = tmp_path / "scope.cache"
    path.write_bytes(made)
    monkeypatch.setattr(scope_engine, "_make_elsewhere", lambda again: again.write_bytes(made) > 0)
    monkeypatch.setattr(engine, "_SHARED", [])
    return path


def found(engine: Engine) -> list[tuple[str, int, int]]:
    return [(one.rule, one.start, one.end) for one in engine.scan(TEXT)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-100],
        lambda raw: raw[:200] + b"\0" + raw[201:],
        lambda raw: raw.replace(b"ghp", b"ghx"),
        lambda raw: b"",
        lambda raw: b"x" * 5000,
    ],
)
def test_a_damaged_file_is_made_again(cache: Path, made: bytes, damage: object) -> None:
    cache.write_bytes(damage(made))  # type: ignore[operator]
    assert found(scope_engine.load_engine(cache))
    assert cache.read_bytes() == made


def test_a_loaded_engine_is_not_read_or_compiled_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "load_rules", None)
    monkeypatch.setattr(prefilter._Automaton, "_compile", None)
    assert found(scope_engine.load_engine(cache)) != []


def test_the_file_is_not_kept_in_memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[scope_engine._Saved]] = []

    class Saved(scope_engine._Saved):
        def __init__(self, cache: Path) -> None:
            super().__init__(cache)
            held.append(weakref.ref(self))

    monkeypatch.setattr(scope_engine, "_Saved", Saved)
    loaded = scope_engine.load_engine(cache)
    gc.collect()
    assert found(loaded)
    assert [one() for one in held] == [None]


def test_patterns_of_another_version_are_not_taken(cache: Path) -> None:
    header, rest = cache.read_bytes().split(b"\n", 1)
    cache.write_bytes(header[::-1] + b"\n" + rest)
    assert found(scope_engine.load_engine(cache))
    assert cache.read_bytes().startswith(header + b"\n"), "it was written again"


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    saved = scope_engine._Saved(tmp_path / "file" / "scope.cache")
    assert saved.under("anything") is None, "so that it is read and compiled here"
