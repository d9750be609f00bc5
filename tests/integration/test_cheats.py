"""Every cheat of the catalogue, played against a real daemon through the step API: none is promoted, and none leaves a trace.

The constitution is on. It says nothing to most of them, since their code is in the project already and a change only switches it on:
what stops those is what is measured, and how.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface
from guardrails.verdict import Rejected
from tests.cheats.catalogue import AWAY, BEFORE, FILES, FORGED, LEARNED, SPELLED, Cheat
from tests.cheats.projects import BYTES, SHAPES, candidate, make


@dataclass
class Host:
    """What a cheat would like to reach, and how it was before."""

    folder: Path
    listeners: list[socket.socket]

    @property
    def canary(self) -> Path:
        return self.folder / "canary"

    def assert_untouched(self) -> None:
        assert sorted(path.name for path in self.canary.iterdir()) == ["file", "socket"]
        assert (self.canary / "file").read_text() == "alive"
        for listener in self.listeners:
            with pytest.raises(BlockingIOError):
                listener.accept()
        assert lingering("hive-cheat-daemon") == []


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("h")
    (folder / "canary").mkdir()
    (folder / "canary/file").write_text("alive")
    listeners = []
    for name in (str(folder / "canary/socket"), f"\0{folder / 'canary'}"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(name)
        listener.listen()
        listener.setblocking(False)
        listeners.append(listener)
    yield Host(folder, listeners)
    for listener in listeners:
        listener.close()


@pytest.fixture(scope="module")
def node(module_daemon: Callable[..., Any]) -> Any:
    made = module_daemon(start=False)
    text = made.home.config.read_text()
    for name, value, small in (("memory_mib", 2048, 256), ("processes", 128, 24), ("output_kib", 1024, 64)):
        assert f"{name} = {value}" in text
        text = text.replace(f"{name} = {value}", f"{name} = {small}")
    made.home.config.write_text(text)
    return made.start()


class Play:
    """One stepwise experiment on a project of some shape."""

    def __init__(self, node: Any, host: Host, shape: str, cheats: Sequence[Cheat], name: str = "") -> None:
        self.node, self.host = node, host
        self.path = make(host.folder / (name or shape), SHAPES[shape], str(host.canary), cheats)
        added = node.client.post("/v1/projects", {"path": str(self.path)})
        self.warnings = added["warnings"]
        begun = node.client.post("/v1/experiments", {"project": added["id"], "stepwise": True})
        self.steps, self.branch = f"/v1/experiments/{begun['id']}", begun["branch"]
        baseline = node.client.post(f"{self.steps}/run")
        assert (baseline["state"], baseline["baseline"]) == ("baselined", BYTES + 12)
        self.before = self.looks()

    def attempt(self, search: str, replace: str) -> dict[str, Any]:
        """Edit, run, decide: the experiment afterwards."""
        edit = {"path": "src/candidate.py", "search": search, "replace": replace}
        self.node.client.post(f"{self.steps}/edit", {"idea": "pack better", "edits": [edit]})
        after = self.node.client.post(f"{self.steps}/run")
        found: dict[str, Any] = self.node.client.post(f"{self.steps}/decide") if after["state"] == "tried" else after
        return found

    def cheat(self, cheat: Cheat) -> None:
        decided = self.attempt('CHEAT = "none"', f'CHEAT = "{cheat.name}"')
        assert decided["state"] == "rejected", cheat
        assert decided["last_rejection"].startswith(cheat.rule), (cheat.name, decided["last_rejection"])
        self.host.assert_untouched()

    def assert_nothing_changed(self) -> None:
        assert self.looks() == self.before
        self.host.assert_untouched()
        assert lingering(str(self.node.home.worktrees)) == []

    def assert_an_honest_one_is_promoted(self) -> None:
        self.assert_nothing_changed()
        decided = self.attempt("SIZE = 8", "SIZE = 20")
        assert (decided["state"], decided["best"], decided["promotions"]) == ("promoted", BYTES, 1), decided
        assert self.git("diff", "--stat", "main", self.branch).count("|") == 1
        assert self.node.client.post(f"{self.steps}/finalize")["state"] == "finalized"

    def rows(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.node.client.get(f"{self.steps}/trials?limit=200")["items"]
        return items

    def looks(self) -> tuple[str, str, list[str]]:
        hooks = [str(path) for path in sorted((self.path / ".git").rglob("hooks/*"))]
        return self.git("rev-parse", self.branch), self.git("status", "--porcelain"), hooks

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.path, check=True, capture_output=True, text=True).stdout


def lingering(word: str) -> list[str]:
    """Processes whose command line or working folder speaks of `word`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            line += os.readlink(entry / "cwd")
        except OSError:
            continue
        if word in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def test_a_measurement_that_is_forged_within_the_evaluators_own_process_is_none(node: Any, host: Host) -> None:
    play = Play(node, host, "within", [*FORGED, *LEARNED])
    assert any("into its own process" in warning for warning in play.warnings)
    for cheat in (*FORGED, *LEARNED):
        play.cheat(cheat)
    assert_what_it_said_is_only_data(play)
    held_out = [row for row in play.rows() if "holdout" in row["rule"]]
    assert [(row["details"], row["holdout"]) for row in held_out] == [({}, None)] * 2
    for row in held_out:
        runs = play.node.client.get(f"{play.steps}/trials/{row['number']}")["runs"]
        assert {step["name"] for run in runs for step in run["steps"]} == {"run"}
    play.assert_an_honest_one_is_promoted()
    assert_the_holdout_is_told_at_the_end(play)


def test_a_candidate_in_a_process_of_its_own_reaches_neither_evaluator_nor_host(node: Any, host: Host) -> None:
    play = Play(node, host, "child", AWAY)
    assert play.warnings == []
    for cheat in AWAY:
        play.cheat(cheat)
    play.assert_an_honest_one_is_promoted()


def test_a_step_that_runs_the_candidate_prepares_nothing_for_the_step_that_measures(node: Any, host: Host) -> None:
    play = Play(node, host, "steps", BEFORE)
    for cheat in BEFORE:
        play.cheat(cheat)
    play.assert_an_honest_one_is_promoted()


def test_without_isolation_a_warning_is_given_and_no_module_comes_in_the_way(node: Any, host: Host) -> None:
    modules = [
        Cheat(f"writes-{number}", f"to leave {name} for the next run", "baseline.", f"open({name!r}, 'w').write('raise OSError')")
        for number, name in enumerate(("json.py", "src/json.py", "sitecustomize.py", "x.pth"))
    ]  # fmt: skip
    play = Play(node, host, "open", modules)
    assert any("without -I" in warning for warning in play.warnings)
    for cheat in modules:
        play.cheat(cheat)
    play.assert_an_honest_one_is_promoted()


def test_a_cheat_that_is_spelled_out_in_the_change_is_refused_before_it_is_run(node: Any, host: Host) -> None:
    play = Play(node, host, "child", [], name="spelled")
    for name, (search, replace) in SPELLED.items():
        decided = play.attempt(search, replace)
        assert decided["state"] == "rejected", name
        assert decided["last_rejection"].startswith(("constitution.", "baseline.new-seed")), (
            name,
            decided["last_rejection"],
        )
    play.assert_nothing_changed()
    assert all(row["value"] is None for row in play.rows()), "not one of them was measured"


@pytest.mark.parametrize("path", FILES)
def test_no_change_may_bring_a_file_that_judges_or_that_something_starts_by_itself(path: str) -> None:
    change = Change("pack better", (FileChange(path, None, "x = 1\n"),))
    verdict = Constitution.load().judge(change, Surface(("**",), ("bench/**",), ("cost", "checked")))
    assert isinstance(verdict, Rejected)
    assert verdict.rule.startswith("constitution.")


def test_the_base_projects_code_is_what_the_catalogue_says() -> None:
    names = [cheat.name for cheat in (*FORGED, *LEARNED, *AWAY, *BEFORE)]
    assert len(set(names)) == len(names)
    for cheats in (FORGED, AWAY, BEFORE):
        compile(candidate("/canary", cheats), "candidate.py", "exec")


def assert_what_it_said_is_only_data(play: Play) -> None:
    """Instructions to a model that the run printed: capped, cleaned, and in one field that says what it is."""
    (row,) = [row for row in play.rows() if "SYSTEM" in str(row)]
    said = row["details"].pop("said")
    assert len(said) <= 200
    assert "SYSTEM" not in str(row)
    report = [play.node.client.get(f"{play.steps}/report"), play.node.log.read_text()]
    for text in (said, *map(str, report)):
        assert not {"\x1b", "\u202e"} & set(text)
    assert "SYSTEM" not in report[1]


def assert_the_holdout_is_told_at_the_end(play: Play) -> None:
    """And not before, as `test_improve_flow` has it in detail."""
    by_rule = {row["rule"]: row for row in play.rows()}
    assert by_rule["baseline.holdout"]["details"]["gain"] == 0.0
    assert "a wrong answer" in by_rule["trial.holdout"]["details"]["why"]
    assert by_rule[None]["holdout"] == [312.0, 300.0]
