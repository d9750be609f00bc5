"""The service in a daemon's life: it wakes for what happens, puts off what fails, and says of each agent how it stands."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_node.agents.session import Arm
from hive_node.agents.wording import instructions
from hive_node.improve.agent_rendering import as_html, as_markdown
from hive_node.ports.agents import AgentFault, HookTrial
from hive_node.subjects.agents.report import dossier, overview, report, session_row
from hive_node.subjects.agents.service import Wish
from tests.fakes.agents import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await World(tmp_path).open()
    yield world
    await world.database.close()


async def test_the_service_reads_and_decides_as_soon_as_something_happens(world: World) -> None:
    await world.add("generic")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(world.service.serve())
        await world.begin("s1")
        await world.service.attendance.judge(await world.agent(), "s1", is_good=True)
        await world.service.attendance.end(await world.agent(), "s1", None)
        while not (await world.service.shelf.latest("it", 1))[0].counts:
            await asyncio.sleep(0)
        serving.cancel()


async def test_without_an_agent_nothing_is_looked_at_until_there_is_one(world: World) -> None:
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(world.service.serve())
        for _ in range(50):
            await asyncio.sleep(0)
        assert not world.service.noticed.is_set()
        serving.cancel()


async def test_one_agents_fault_is_not_anothers(world: World, tmp_path: Path) -> None:
    await world.add("codex")
    (tmp_path / "other").mkdir()
    await world.service.add(Wish("codex", tmp_path / "other", name="another"))
    (world.folder / "AGENTS.md").write_bytes(b"<!-- hive-node:begin -->\n")
    await world.service.look()
    assert set(world.service.troubles) == {"it"}


async def test_an_agent_is_found_out_where_one_was_used_and_named_after_its_folder(
    world: World, tmp_path: Path
) -> None:
    with pytest.raises(AgentFault, match="shows none of them"):
        await world.service.add(Wish(None, world.folder))
    (world.folder / "AGENTS.md").write_text("x")
    assert (await world.service.add(Wish(None, world.folder))).id == "repo-codex"
    (world.folder / ".cursor").mkdir()
    with pytest.raises(AgentFault, match="codex and cursor"):
        await world.service.add(Wish(None, world.folder))
    other = tmp_path / "other" / "repo"
    other.mkdir(parents=True)
    assert (await world.service.add(Wish("codex", other))).id == "repo-codex-2"
    strange = tmp_path / "a b: c"
    strange.mkdir()
    assert (await world.service.add(Wish("codex", strange))).id == "a-b--c-codex"


async def told(world: World) -> dict[str, object]:
    agent = await world.agent()
    return overview(await dossier(world.service.shelf, agent, None, world.clock.now()))


async def test_an_overview_says_who_leads_by_how_much_how_sure_and_what_is_next(world: World) -> None:
    await world.add("generic")
    assert "after 20 more scored sessions" in str((await told(world))["next"])
    await world.service.roll("it")
    begun = await told(world)
    assert begun["contest"]["leads"] is None  # type: ignore[index]
    assert begun["contest"]["e_value"] == 1.0  # type: ignore[index]
    challenger = await world.variant(begun["contest"]["challenger"])  # type: ignore[index]
    assert begun["contest"]["says"] == {"more": instructions(challenger).split("\n"), "less": []}  # type: ignore[index]
    for number in range(24):
        await world.session(f"s{number}", is_good=None, by_arm={Arm.CHAMPION: number % 3 == 0, Arm.CHALLENGER: True})
        if await world.contest() is None:
            break
        tree = await told(world)
    assert tree["contest"]["leads"] == "challenger"  # type: ignore[index]
    assert tree["contest"]["gain"] > 0.3  # type: ignore[index]
    assert tree["contest"]["e_value"] > 1.0  # type: ignore[index]
    agent = await world.agent()
    found = await dossier(world.service.shelf, agent, "a trouble", world.clock.now(), is_whole=True)
    if agent.watched_floor is not None:
        assert "is watched" in overview(found)["next"]
    whole = report(found)
    assert whole["sessions"]["scored"] == len(found.sessions) == whole["sessions"]["all"]
    assert whole["trouble"] == "a trouble"
    assert len(whole["variants"]) == 2
    assert "| 1 |" in as_markdown(whole)
    page = as_html(whole)
    assert "<polyline" in page
    assert "default-src 'none'" in page
    assert whole["contests"][0]["path"][-1] == whole["contests"][0]["e_value"]
    whole["contests"][0]["idea"] = "<script>alert(1)</script>"
    assert "<script>" not in as_html(whole), "what a model wrote is shown, never run"
    assert "<polyline" not in as_html({**whole, "contests": []})
    rows = [session_row(one, found.sessions) for one in found.sessions]
    assert {row["signals"]["explicit"] for row in rows} == {0.0, 1.0}


@dataclass
class Hook:
    """One that did as the test says."""

    trial: HookTrial
    command: str = "hive-node --home /h"

    async def try_in(self, _folder: Path) -> HookTrial:
        return self.trial


async def test_the_examination_tries_files_hook_and_sessions(world: World) -> None:
    agent = await world.add()
    states = {one.check: one.state for one in await world.service.examine(agent)}
    assert states == {"folder": "ok", ".claude/settings.json": "ok", "hook": "fail", "sessions": "warn"}
    world.service.hook = hook = Hook(HookTrial(0.1, None))
    settings = world.folder / ".claude" / "settings.json"
    settings.write_text("{}")
    await world.begin("s1")
    states = {one.check: one.state for one in await world.service.examine(agent)}
    assert states == {"folder": "ok", ".claude/settings.json": "fail", "hook": "ok", "sessions": "ok"}
    hook.trial = HookTrial(2.5, None)
    assert {one.check: one.state for one in await world.service.examine(agent)}["hook"] == "warn"
    settings.write_text("{")
    assert [one.state for one in await world.service.examine(agent)][1] == "fail"
    settings.unlink()
    settings.parent.rmdir()
    assert (await world.service.examine(agent))[0].state == "warn"
    world.folder.rmdir()
    assert (await world.service.examine(agent))[0].state == "fail"


async def test_a_folder_that_its_user_took_away_is_a_trouble_and_is_not_made_again(world: World) -> None:
    await world.add()
    shutil.rmtree(world.folder)
    await world.service.roll("it")
    assert "is gone" in world.service.troubles["it"]
    assert not world.folder.exists()
    (found,) = await world.service.examine(await world.agent())
    assert (found.check, found.state) == ("folder", "fail")
    assert await world.service.forget("it") == []
    assert not world.folder.exists()


async def test_the_beginning_of_two_digests_names_neither(world: World) -> None:
    agent = await world.add("generic")
    now = world.clock.now()
    for digest in ("ab" * 32, "ac" * 32):
        agent = agent.crown(digest, now, "played")
    await world.service.shelf.keep(agent)
    with pytest.raises(Exception, match="give more of it"):
        await world.service.roll_back("it", "a")
