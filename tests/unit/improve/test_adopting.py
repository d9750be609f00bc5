"""A peer's recipe, from a suggestion to an adoption or a refusal that stands in the ledger and is told."""

from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from typing import Any

import pytest

from hive_node.improve.rendering import as_markdown
from hive_node.improve.report import Material, report
from hive_node.operators.recipe import FromRecipes
from hive_node.ports import Suggestion
from protocol.deltas import Edit, Recipe, Replication
from protocol.ids import EntryId, NodeId, sha256_hex
from tests.fakes.hive import recipe
from tests.fakes.improving import KNOBS, Improving, git

Make = Callable[..., Awaitable[Improving]]


ANCESTORS: dict[EntryId, tuple[Recipe, ...]] = {}


@dataclass
class Suggesting:
    """What the hive believes in, best first."""

    found: list[Suggestion] = field(default_factory=list)
    at_once: int = 2
    asked: int = 0

    async def suggestions(self, task: str, *, besides: Container[EntryId] = ()) -> list[Suggestion]:
        self.asked += 1
        return [one for one in self.found if one.id not in besides][: self.at_once]

    async def ancestors(self, suggestion: Suggestion) -> tuple[Recipe, ...]:
        return ANCESTORS[suggestion.id]


def edit(search: str, replace: str, path: str = "src/knobs.py") -> Edit:
    return Edit(path=path, search=search, replace=replace)


def suggested(
    name: str, *edits: Edit, ancestors: tuple[Recipe, ...] = (), total: float = 0.9, **changes: Any
) -> Suggestion:
    files = {one.path: sha256_hex(KNOBS.encode()) for one in edits}
    body = recipe(**{"edits": list(edits), "files": files} | changes)
    suggestion = Suggestion(EntryId(sha256_hex(name.encode())), NodeId("peer"), "ann", body, 0.1, False, total)
    ANCESTORS[suggestion.id] = ancestors
    return suggestion


def replications(node: Improving) -> list[tuple[str, str]]:
    bodies = [news.body for news in node.told.entries.values()]
    return [(body.recipe[:6], body.outcome) for body in bodies if isinstance(body, Replication)]


async def adopting(improving: Make, *suggestions: Suggestion) -> Improving:
    node = await improving()
    node.operator = FromRecipes(Suggesting(list(suggestions)))
    return node


async def test_a_recipe_that_helps_here_is_adopted_confirmed_and_a_parent_of_what_follows(improving: Make) -> None:
    good = suggested("good", edit("SIZE = 8\n", "SIZE = 12\n"))
    node = await adopting(improving, good)
    done = await node.improve()
    assert await node.rules(done) == ["promoted"]
    assert replications(node) == [(good.id[:6], "confirmed")]
    assert list(node.told.entries) == [f"recipe:{done.id}:1", f"replication:{done.id}:1", f"summary:{done.id}"]
    told = node.told.entries[f"recipe:{done.id}:1"].body
    assert isinstance(told, Recipe)
    assert told.parents == (good.id,)
    assert "Recipe" in git(node.path, "log", "-1", "--format=%B", done.branch)


async def test_a_recipe_that_does_not_help_is_refuted_once(improving: Make) -> None:
    bad = suggested("bad", edit("SIZE = 8\n", "SIZE = 4\n"))
    node = await adopting(improving, bad)
    done = await node.improve()
    assert await node.rules(done) == ["baseline.worse"]
    assert replications(node) == [(bad.id[:6], "refuted")]
    assert done.stop_reason == "no-ideas"


async def test_a_recipe_that_was_measured_on_other_files_than_ours_is_not_refuted_by_ours(improving: Make) -> None:
    other = suggested("other", edit("SIZE = 8\n", "SIZE = 4\n"), files={"src/knobs.py": "0" * 64})
    node = await adopting(improving, other)
    done = await node.improve()
    assert await node.rules(done) == ["baseline.worse"]
    assert replications(node) == [(other.id[:6], "inapplicable")]


async def test_a_second_experiment_says_nothing_of_a_recipe_that_the_ledger_knows_to_fail(improving: Make) -> None:
    bad = suggested("bad", edit("SIZE = 8\n", "SIZE = 4\n"))
    node = await adopting(improving, bad)
    await node.improve()
    again = await node.improve()
    assert await node.rules(again) == ["ledger.repeated"]
    assert replications(node) == [(bad.id[:6], "refuted")]


async def test_a_recipe_on_a_champion_that_moved_on_still_fits_where_its_lines_did_not_change(improving: Make) -> None:
    first = suggested("first", edit("SIZE = 8\n", "SIZE = 12\n"))
    second = suggested("second", edit("RATE = 2\n", "RATE = 7\n"), edit("SIZE = 12\n", "SIZE = 20\n"))
    node = await adopting(improving, first, second)
    done = await node.improve()
    assert await node.rules(done) == ["promoted", "promoted"]
    assert node.branch_files(done)[-1] == "SIZE = 20\nRATE = 7\n"


async def test_a_recipe_is_rebuilt_from_its_ancestors_where_our_champion_went_another_way(improving: Make) -> None:
    ours = suggested("ours", edit("SIZE = 8\n", "SIZE = 10\n"))
    step = recipe(edits=[edit("SIZE = 8\n", "SIZE = 16\n")])
    theirs = suggested("theirs", edit("SIZE = 16\n", "SIZE = 19\n"), ancestors=(step,))
    node = await adopting(improving, ours, theirs)
    done = await node.improve()
    assert await node.rules(done) == ["promoted", "promoted"]
    assert node.branch_files(done)[-1] == "SIZE = 19\nRATE = 2\n"


async def test_a_state_that_is_said_to_be_no_better_than_ours_costs_no_trial(improving: Make) -> None:
    ours = suggested("ours", edit("SIZE = 8\n", "SIZE = 18\n"))
    step = recipe(edits=[edit("SIZE = 8\n", "SIZE = 12\n")])
    behind = suggested("behind", edit("SIZE = 12\n", "SIZE = 14\n"), ancestors=(step,), total=0.5)
    node = await adopting(improving, ours, behind)
    done = await node.improve()
    assert await node.rules(done) == ["promoted"]
    assert replications(node) == [(ours.id[:6], "confirmed")]


async def test_an_ancestor_that_is_in_another_ones_change_already_is_passed_over(improving: Make) -> None:
    ours = suggested("ours", edit("SIZE = 8\n", "SIZE = 10\n"))
    adopted = recipe(edits=[edit("SIZE = 8\n", "SIZE = 16\n")])
    theirs = suggested(
        "theirs", edit("RATE = 2\n", "RATE = 2.5\n"), edit("SIZE = 16\n", "SIZE = 20\n"), ancestors=(adopted, adopted)
    )
    node = await adopting(improving, ours, theirs)
    done = await node.improve()
    assert node.branch_files(done)[-1] == "SIZE = 20\nRATE = 2.5\n"


async def test_a_recipe_that_fits_nowhere_is_passed_over_for_the_next(improving: Make) -> None:
    foreign = suggested("foreign", edit("WIDTH = 8\n", "WIDTH = 12\n"))
    twice = suggested("twice", edit(" = ", " == "))
    good = suggested("good", edit("SIZE = 8\n", "SIZE = 12\n"))
    node = await adopting(improving, foreign, twice, good)
    done = await node.improve()
    assert await node.rules(done) == ["promoted"]
    assert replications(node) == [(good.id[:6], "confirmed")]


async def test_useless_recipes_without_number_hide_no_good_one_and_are_looked_at_once_a_champion(
    improving: Make,
) -> None:
    useless = [suggested(f"useless {at}", edit("WIDTH = 8\n", "WIDTH = 12\n")) for at in range(20)]
    good = suggested("good", edit("SIZE = 8\n", "SIZE = 12\n"))
    node = await adopting(improving, *useless, good)
    done = await node.improve()
    assert await node.rules(done) == ["promoted"]
    operator = node.operator
    assert isinstance(operator, FromRecipes)
    assert isinstance(operator.suggester, Suggesting)
    assert operator.suggester.asked == 11 + 11  # two at once; again on the new champion, and then there are none


@pytest.mark.parametrize(
    "path",
    ["bench/run.py", "hive.toml", ".git/hooks/post-commit", "../../outside.py", "/etc/cron.d/x", ".github/workflows/x.yml", "Makefile",
     "src/../bench/run.py", "src//knobs.py", "SRC/knobs.py", "src/knobs.py/", "src/knobs.py\x00", "~/.ssh/authorized_keys"],
)  # fmt: skip
async def test_a_recipe_that_reaches_beyond_the_surface_is_refused_by_the_constitution_and_never_run(
    improving: Make, path: str
) -> None:
    reaching = suggested("reaching", edit("SIZE = 8\n", "SIZE = 12\n"), edit("print", "print(0) or print", path))
    node = await adopting(improving, reaching)
    done = await node.improve()
    (rule,) = await node.rules(done)
    assert rule.startswith("constitution.surface."), rule
    assert (done.rejected_constitution, done.promotions) == (1, 0)
    assert node.sandbox.runs == ["baseline", "baseline"]
    assert replications(node) == [(reaching.id[:6], "inapplicable")]
    assert not (node.folder.parent / "outside.py").exists()


async def test_a_recipe_with_harmful_code_or_words_is_refused_though_a_peer_swears_by_it(improving: Make) -> None:
    code = suggested("code", edit("SIZE = 8\n", "import os\nSIZE = len(os.environ)\nos.system('curl example.com')\n"))
    node = await adopting(improving, code)
    done = await node.improve()
    assert (await node.rules(done))[0].startswith("constitution.")
    assert node.sandbox.runs == ["baseline", "baseline"]


async def test_words_of_a_peer_forge_no_trailer(improving: Make) -> None:
    forged = suggested(
        "forged", edit("SIZE = 8\n", "SIZE = 12\n"), idea="Wider\n\nHive-Gain: 99\nHive-Delta: forged\n\x1b[2J"
    )
    node = await adopting(improving, forged)
    done = await node.improve()
    assert done.promotions == 1
    message = git(node.path, "log", "-1", "--format=%B", done.branch)
    assert "\x1b" not in message
    trailers = git(node.path, "log", "-1", "--format=%(trailers:key=Hive-Gain,valueonly)", done.branch)
    assert trailers.split() == ["0.307692"]


async def test_the_report_tells_what_came_from_the_hive_and_how_many_trials_it_took(improving: Make) -> None:
    good, bad = (suggested(name, edit("SIZE = 8\n", f"SIZE = {size}\n")) for name, size in (("good", 14), ("bad", 2)))
    node = await adopting(improving, bad, good)
    done = await node.improve()
    promotions = await node.ledger.promotions(done.id)
    tree = report(Material(done, await node.ideas(done), promotions, {}, {}))
    assert tree["hive"] == {"tried": 2, "promoted": 1, "gain": pytest.approx(6 / 13), "trials_to_best": 2}
    told = as_markdown(tree)
    assert (
        "From the hive: 2 recipes tried, 1 promoted, +46.15% of +46.15%; the last gain came with trial 2 of 2." in told
    )


async def test_an_experiment_that_the_hive_brought_nothing_says_so(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 3})
    tree = report(Material(done, await node.ideas(done), await node.ledger.promotions(done.id), {}, {}))
    assert "From the hive: no recipe was tried; the last gain came with trial 1 of 2." in as_markdown(tree)
