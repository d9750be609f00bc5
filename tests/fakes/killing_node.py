"""A node that ends itself with SIGKILL at one chosen point, so that what is on disk at that very point can be looked at.

Its arguments: HOME POINT NTH. The node is the real one; one method of one adapter is wrapped, nothing else.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hive_node.adapters.git import GitRepository
from hive_node.adapters.sandbox import BubblewrapSandbox
from hive_node.adapters.store import ExperimentStore, FeedStore, Journal, ProjectStore
from hive_node.adapters.store.database import Transaction
from hive_node.app import configure_logging, run_node
from hive_node.config.home import Home

Match = Callable[..., bool]
Point = tuple[type, str, str, Match]
"""A method, when to die (before it, after it, or in the middle of it), and which of its calls count."""


def anything(*_arguments: Any, **_options: Any) -> bool:
    return True


def becoming(state: str) -> Match:
    return lambda _store, _before, after, **_: after.state.value == state


def sampling(idea_is_baseline: bool) -> Match:
    return lambda _store, _experiment, idea, *_: (idea == 0) is idea_is_baseline


def within(state: str) -> Match:
    # The last statement of a transition tells of it.
    return lambda _transaction, statements: (statements[-1][1] or {}).get("data", {}).get("state") == state


def holding_out(_store: Any, _experiment: Any, _idea: int, arm: str, sample: Any) -> bool:
    return arm == "candidate" and sample.steps[0].name == "holdout"


def telling(kind: str) -> Match:
    return lambda _store, _arrived, purpose=None: (purpose or "").startswith(f"{kind}:")


def promoting(_repository: Any, _name: str, _new: str, old: str | None) -> bool:
    return old is not None


STATES = ("baselined", "proposed", "tried", "judged", "promoted", "rejected", "finalized", "stopped")
POINTS: dict[str, Point] = {
    "created": (ExperimentStore, "create", "after", anything),
    "laying-out": (GitRepository, "lay_out", "during", anything),
    "branch-laid": (GitRepository, "move_branch", "after", lambda *arguments: not promoting(*arguments)),
    "running": (BubblewrapSandbox, "run", "during", lambda _sandbox, command: command.workdir.name == "candidate"),
    "baseline-run": (ExperimentStore, "keep_sample", "after", sampling(True)),
    "candidate-run": (ExperimentStore, "keep_sample", "after", sampling(False)),
    "holdout-run": (ExperimentStore, "keep_sample", "after", holding_out),
    "resetting": (GitRepository, "reset", "during", anything),
    "committing": (GitRepository, "commit", "during", anything),
    "mid-branch": (GitRepository, "move_branch", "during", promoting),
    "removing": (GitRepository, "remove", "during", lambda _repository, folder: (folder / ".git").exists()),
    "within-telling": (Journal, "tell_in", "after", lambda _journal, _transaction, kind, *_data: kind == "delta"),
    "adding-project": (ProjectStore, "add", "before", anything),
    "added-project": (ProjectStore, "add", "after", anything),
    "removed-project": (ProjectStore, "remove", "after", anything),
    "telling": (FeedStore, "add", "before", telling("recipe")),
    "told": (FeedStore, "add", "after", telling("recipe")),
    "committed": (GitRepository, "commit", "after", anything),
    "moving-branch": (GitRepository, "move_branch", "before", promoting),
    "branch-moved": (GitRepository, "move_branch", "after", promoting),
    "summary-told": (FeedStore, "add", "after", telling("summary")),
    **{state: (ExperimentStore, "move", "after", becoming(state))
       for state in STATES},
    # In the middle of the transaction: everything is written, and nothing of it committed.
    **{f"within-{state}": (Transaction, "execute_all", "after", within(state)) for state in STATES},
    "within-sample": (ExperimentStore, "_replace", "after", lambda _store, _transaction, before, after: before is after.state),
    **{f"before-{state}": (ExperimentStore, "move", "before", becoming(state))
       for state in STATES},
}  # fmt: skip


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point, nth: int) -> None:
    """Make the n-th matching call the last thing that this process does."""
    owner, name, when, matches = point
    wrapped = getattr(owner, name)
    left = nth

    async def call(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        is_it = matches(*arguments, **options)
        left -= is_it
        if not is_it or left != 0:
            return await wrapped(*arguments, **options)
        if when == "before":
            die()
        if when == "during":
            asyncio.get_running_loop().call_later(0.004, die)
        result = await wrapped(*arguments, **options)
        die()
        return result

    setattr(owner, name, call)


def main() -> None:
    arm(POINTS[sys.argv[2]], int(sys.argv[3]))
    configure_logging("info")
    asyncio.run(run_node(Home(Path(sys.argv[1]))))
