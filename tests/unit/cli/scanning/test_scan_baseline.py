"""What somebody accepted is not told again, and the list of it gives nothing away."""

import json
from pathlib import Path

import pytest

from hive_node.cli.scanning.baseline import Baseline, BaselineError
from hive_node.cli.scanning.found import Scan
from tests.unit.cli.scanning.looking import LINE, SECRET, look

SALT = bytes(range(16))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "settings.py").write_text(LINE)
    accepting = Baseline.anew(tmp_path / "accepted.json", SALT)
    look([str(tmp_path)], accepting=accepting)
    accepting.write(tmp_path / "accepted.json")
    return tmp_path


def again(tree: Path) -> Scan:
    return look([str(tree / "settings.py")], accepted=Baseline.read(tree / "accepted.json"))


def test_what_was_accepted_is_counted_and_not_told(tree: Path) -> None:
    found = again(tree)
    assert (found.items, found.accepted) == ([], 1)


def test_it_may_move_within_its_file(tree: Path) -> None:
    (tree / "settings.py").write_text("# one\n# two\n" + LINE)
    assert again(tree).items == []


def test_another_value_in_its_place_is_told(tree: Path) -> None:
    (tree / "settings.py").write_text(LINE.replace(SECRET, SECRET[::-1]))
    assert [one.line for one in again(tree).items] == [1]


def test_the_same_value_in_another_file_is_told(tree: Path) -> None:
    (tree / "settings.py").rename(tree / "moved.py")
    found = look([str(tree / "moved.py")], accepted=Baseline.read(tree / "accepted.json"))
    assert len(found.items) == 1


def test_it_counts_from_wherever_it_is_asked(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "sub").mkdir()
    monkeypatch.chdir(tree / "sub")
    found = look(["../settings.py"], accepted=Baseline.read(Path("../accepted.json")))
    assert found.items == []


def test_the_file_holds_no_value_and_reads_the_same_when_written_again(tree: Path) -> None:
    text = (tree / "accepted.json").read_text()
    assert SECRET not in text
    assert SECRET.encode().hex() not in text
    accepting = Baseline.anew(tree / "accepted.json", bytes(16))
    look([str(tree / "settings.py")], accepting=accepting)
    accepting.write(tree / "accepted.json")
    assert (tree / "accepted.json").read_text() == text


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"version": 1, "salt": "zz", "accepted": []}', '{"version": 1, "salt": "00", "accepted": []}',
     json.dumps({"version": 2, "salt": SALT.hex(), "accepted": []}), json.dumps({"version": 1, "salt": SALT.hex(), "accepted": [1]}),
     "[" * 100_000],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_baseline_accepts_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "accepted.json").write_text(text)
    with pytest.raises(BaselineError, match=r"accepted\.json"):
        Baseline.read(tmp_path / "accepted.json")


def test_a_baseline_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        Baseline.read(tmp_path / "accepted.json")
