"""A real node dies by SIGKILL at every point of an experiment, one life after another, and the experiment ends whole.

Each story is one experiment. After the last life: the transitions form a path; the branch holds exactly the promotions, each commit
exactly what was measured; the feed is one unbroken chain in which nothing is said twice; every trial is counted; the user's
checkout is as it was; nothing is left behind.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hive_node.domain import TRANSITIONS, State
from protocol.envelope import DELTA_TYPE, parse_envelope
from protocol.limits import ENVELOPE_BYTES
from tests.integration.processes import Forked

ITERATIONS = 9
SEED = 5
# With this seed the constant's nine values are known beforehand: some better than the champion, most not.


class Story:
    """A node, its project and its one experiment, over many lives."""

    def __init__(self, node: Any, project: Path) -> None:
        self.node = node
        self.project = project
        self.experiment = ""

    def live(self, point: str, nth: int = 1) -> None:
        """Run the node until it dies at `point`."""
        self.start(point, nth)
        if not self.experiment:
            self.node.client.post("/v1/hive", {"name": "alone"})
            identity = self.node.client.post("/v1/projects", {"path": str(self.project)})["id"]
            self.checkout = everything(self.project)
            body = {"project": identity, "operator": "tune", "iterations": ITERATIONS, "seed": SEED}
            self.experiment = f"{identity}-1"
            try:
                self.node.client.post("/v1/experiments", body)
            except Exception:  # noqa: BLE001 - it may die before it answers
                assert point == "created"
        assert self.node.process.wait(60) == -signal.SIGKILL, self.node.log.read_text()[-3000:]
        self.node.process = None
        wait_until_nothing_of_it_runs(self.node.home.root)

    def start(self, point: str, nth: int) -> None:
        log = self.node.log
        self.node.process = Forked(
            "tests.fakes.killing_node", str(self.node.home.root), point, str(nth), out=log, problems=log
        )
        if not self.experiment:
            self.node.up()

    def row(self, column: str = "state") -> Any:
        (value,) = self.rows(f"SELECT {column} FROM experiments")
        return value[0]

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.node.home.database) as connection:
            return connection.execute(query).fetchall()

    def branch(self) -> str:
        found: str = json.loads(self.row("document"))["branch"]
        return found

    def finish(self) -> dict[str, Any]:
        """A last life, with nothing in its way; then it is told to go, and goes."""
        self.node.start()
        for event in self.node.client.events(0):
            if event["kind"] == "experiment" and event["data"]["state"] in {"finalized", "stopped", "failed"}:
                break
        shown: dict[str, Any] = self.node.client.get(f"/v1/experiments/{self.experiment}")
        assert self.node.stop() == 0
        return shown

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.project, check=True, capture_output=True, text=True).stdout

    def assert_whole(self, shown: dict[str, Any]) -> None:
        assert (shown["state"], shown["stop_reason"]) == ("finalized", "iterations"), shown
        document = json.loads(self.row("document"))
        self.assert_ledger(document)
        self.assert_branch(document)
        self.assert_feed(document)
        assert everything(self.project) == self.checkout
        assert self.git("worktree", "list").count("\n") == 1
        assert list(self.node.home.worktrees.glob("*")) == []
        assert not lingering(self.node.home.root), "an orphan of an earlier life outlived the last one"

    def assert_ledger(self, document: dict[str, Any]) -> None:
        steps = [
            (State(before), State(after))
            for before, after in self.rows("SELECT before, after FROM transitions ORDER BY id")
        ]
        assert steps[0][0] is State.CREATED
        assert steps[-1][1] is State.FINALIZED
        assert all(after in TRANSITIONS[before] for before, after in steps)
        assert all(one[1] is other[0] for one, other in pairwise(steps))
        ideas = self.rows("SELECT number, outcome, trial FROM ideas ORDER BY number")
        assert [number for number, _, _ in ideas] == list(range(1, ITERATIONS + 1))
        assert all(outcome in {"promoted", "rejected"} for _, outcome, _ in ideas)
        spent = document["spent"]
        assert spent["iterations"] == document["iteration"] == ITERATIONS
        assert spent["trials"] == sum(trial is not None and trial != "null" for _, _, trial in ideas)
        samples = [json.loads(one)["wall_s"] for (one,) in self.rows("SELECT document FROM samples")]
        assert spent["wall_s"] == pytest.approx(sum(samples)), "every run of every life is on the books, once"

    def assert_branch(self, document: dict[str, Any]) -> None:
        promotions = [json.loads(one) for (one,) in self.rows("SELECT document FROM promotions ORDER BY idea")]
        assert len(promotions) == document["promotions"] > 0
        commits = self.git("rev-list", "--reverse", f"{document['base']}..{document['branch']}").split()
        assert commits == [promotion["commit"] for promotion in promotions]
        assert commits[-1] == document["champion"]
        recipes = dict(self.rows("SELECT purpose, id FROM entries WHERE kind = 'recipe'"))
        parent = document["base"]
        for commit, promotion in zip(commits, promotions, strict=True):
            assert self.git("rev-parse", f"{commit}^").strip() == parent
            assert self.git("diff", "--name-only", parent, commit).split() == list(promotion["idea"]["files"])
            for path, text in promotion["idea"]["files"].items():
                assert self.git("show", f"{commit}:{path}") == text
            trailers = dict(
                re.findall(r"^(Hive-\S+): (.*)$", self.git("log", "-1", "--format=%B", commit), re.MULTILINE)
            )
            number = promotion["idea"]["number"]
            assert trailers["Hive-Idea"] == f"{self.experiment}/{number}"
            assert trailers["Hive-Delta"] == promotion["recipe"] == recipes[f"recipe:{self.experiment}:{number}"]
            assert float(trailers["Hive-Before"]) > float(trailers["Hive-After"])
            parent = commit

    def assert_feed(self, document: dict[str, Any]) -> None:
        entries = self.rows("SELECT seq, id, purpose, envelope FROM entries ORDER BY seq")
        assert [seq for seq, *_ in entries] == list(range(1, len(entries) + 1))
        purposes = [purpose for _, _, purpose, _ in entries]
        assert len(set(purposes)) == len(purposes) == document["promotions"] + 1
        assert purposes[-1] == f"summary:{self.experiment}"
        before = None
        for seq, identity, _, raw in entries:
            envelope = parse_envelope(raw, max_bytes=ENVELOPE_BYTES, payload_type=DELTA_TYPE)
            said = json.loads(envelope.payload)
            assert (said["seq"], said.get("prev"), envelope.id) == (seq, before, identity)
            before = identity


def everything(folder: Path) -> dict[str, bytes]:
    """The user's checkout, index, stash, settings and branches; not what is ours."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"objects", "logs", "worktrees", "hive"} & set(path.relative_to(folder).parts)
    }


def wait_until_nothing_of_it_runs(home: Path) -> None:
    """The kernel ends a sandbox with its node, and a git that was begun ends by itself: both take a moment.

    But for a bubblewrap that was cloned in the moment of the kill (see `orphans`): the next life ends it.
    """
    while left := lingering(home):
        assert len(left) < 50
        if all("bwrap" in line.split("\0")[0] for line in left):
            return
        threading.Event().wait(0.02)


def lingering(home: Path) -> list[str]:
    """What is at work in the trees of a node."""
    return [line for line in map(_at_work_in, _processes()) if str(home / "worktrees") in line]


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").glob("[0-9]*") if entry.name != str(os.getpid())]


def _at_work_in(entry: Path) -> str:
    """A process's command and working folder, if it is still at work."""
    try:
        state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        line = (entry / "cmdline").read_bytes().decode(errors="replace") + os.readlink(entry / "cwd")
    except OSError:
        return ""
    return "" if state in {"Z", "X"} else line


@pytest.fixture
def story(daemon: Callable[..., Any], knob_project: Path) -> Story:
    (knob_project / "src/knob.py").write_text("SIZE = 8\n# not committed\n")
    subprocess.run(["git", "stash", "-q"], cwd=knob_project, check=True)
    (knob_project / "src/knob.py").write_text("SIZE = 8\n# dirty\n")
    return Story(daemon(start=False), knob_project)


LIVES: dict[str, list[tuple[str, str | None]]] = {
    "before its first idea": [
        ("created", "created"), ("branch-laid", "created"), ("baseline-run", "created"), ("before-baselined", "created"),
        ("baselined", "baselined"),
    ],
    "in an idea": [
        ("proposed", "proposed"), ("candidate-run", "proposed"), ("running", "proposed"), ("before-tried", "proposed"),
        ("tried", "tried"), ("before-judged", "tried"), ("judged", "judged"),
    ],
    "in the middle of a write": [
        ("within-sample", "created"), ("within-baselined", "created"), ("within-proposed", "baselined"), ("resetting", "proposed"),
        ("within-tried", "proposed"), ("within-judged", "tried"), ("within-rejected", "judged"), ("removing", None),
    ],
    "in the middle of a promotion's writes": [
        ("committing", "judged"), ("within-telling", "judged"), ("mid-branch", "judged"), ("within-promoted", "judged"),
        ("within-finalized", None),
    ],
    "at an idea's end": [
        ("rejected", "rejected"), ("before-rejected", "judged"), ("promoted", "promoted"), ("laying-out", "promoted"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("lives", LIVES.values(), ids=LIVES)
def test_killed_in_every_state_it_resumes_and_ends_whole(story: Story, lives: list[tuple[str, str | None]]) -> None:
    for point, state in lives:
        story.live(point)
        assert state is None or story.row() == state, point
    story.assert_whole(story.finish())


def test_killed_in_the_middle_of_a_promotion_the_branch_holds_all_of_it_or_none(story: Story) -> None:
    told: list[int] = []
    moved: list[int] = []
    for point in ("telling", "told", "committed", "moving-branch", "branch-moved", "before-promoted", "promoted"):
        story.live(point)
        told.append(story.rows("SELECT count(*) FROM entries WHERE kind = 'recipe'")[0][0])
        moved.append(int(story.git("rev-list", "--count", f"main..{story.branch()}")))
        assert story.row() == ("promoted" if point == "promoted" else "judged")
        assert story.rows("SELECT count(*) FROM promotions")[0][0] == (point == "promoted")
    assert told == [0, 1, 1, 1, 1, 1, 1]
    assert moved == [0, 0, 0, 0, 1, 1, 1]
    story.assert_whole(story.finish())


def test_killed_at_its_very_end_it_ends_once_and_says_so_once(story: Story) -> None:
    for point, state in (("summary-told", None), ("before-finalized", None), ("finalized", "finalized")):
        story.live(point)
        assert state is None or story.row() == state
    assert list(story.node.home.worktrees.glob("*")) == [], "trees are gone before the row says that it is over"
    story.node.start()
    shown = story.node.client.get(f"/v1/experiments/{story.experiment}")
    assert story.node.stop() == 0
    story.assert_whole(shown)


def test_told_to_go_in_the_middle_it_goes_and_takes_up_where_it_was(story: Story) -> None:
    story.live("tried")
    story.node.start()
    assert story.node.stop() == 0
    assert story.node.process is None
    story.assert_whole(story.finish())
