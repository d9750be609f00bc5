"""Every kind of agent over a contest and back: what it reads is what the database says, and nothing of ours stays."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hive_node.adapters.agents.kinds import Codex, all_adapters
from hive_node.agents.session import Arm
from hive_node.agents.wording import instructions
from hive_node.ports.agents import AgentFault
from hive_node.subjects.agents.attendance import BLOCK
from tests.fakes.agents import World
from tests.fakes.transcripts import MARKER, rollout

FILES = {
    "codex": {"AGENTS.md": b"# Rules\r\nBe kind."},
    "cursor": {".cursor/rules/mine.mdc": b"---\nalwaysApply: true\n---\nmine\n"},
    "aider": {".aider.conf.yml": b"# mine\nread:\n  - CONVENTIONS.md\ndark-mode: true\n", "CONVENTIONS.md": b"x"},
    "claude-code": {".claude/settings.json": b'{\n\t"model": "opus" // best\n}'},
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await World(tmp_path).open()
    yield world
    await world.database.close()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", FILES)
async def test_a_contest_and_back_leaves_every_file_as_it_was(world: World, kind: str) -> None:
    for name, content in FILES[kind].items():
        (world.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (world.folder / name).write_bytes(content)
    before = tree(world.folder)
    await world.add(kind)
    assert all_adapters()[kind].detect(world.folder)
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    words = instructions(await world.variant(contest.challenger)).encode()
    seen = set()
    for number in range(12):
        if kind == "claude-code":
            await world.session(f"s{number}", is_good=True)
        else:
            session = await world.block(is_good=True)
            present = (await world.service.attendance.block(await world.agent())).session.arm
            everything = b"".join(tree(world.folder).values()).replace(b"\r\n", b"\n")
            assert (words in everything) is (present is Arm.CHALLENGER)
            seen |= {session.arm}
    assert kind == "claude-code" or seen == set(Arm)
    assert await world.service.forget("it") == []
    assert tree(world.folder) == before


async def test_a_model_that_aiders_user_named_for_us_is_swapped_and_one_that_he_chose_himself_is_his(
    world: World,
) -> None:
    settings = world.folder / ".aider.conf.yml"
    settings.write_bytes(b"model: opus\n")
    with pytest.raises(AgentFault, match="leave out --model"):
        await world.add("aider", model="sonnet")
    assert settings.read_bytes() == b"model: opus\n"
    assert await world.service.shelf.all() == []
    settings.unlink()
    await world.add(
        "aider", model="sonnet", weights={"behavioral_rules": 0, "response_style": 0, "tool_permissions": 0}
    )
    assert b"model: sonnet" in settings.read_bytes()
    await world.service.roll("it")
    contest = await world.contest()
    assert contest is not None
    assert contest.operator == "model_pref"
    assert (await world.variant(contest.challenger)).model_pref in {"haiku", "opus"}
    await world.service.forget("it")
    assert tree(world.folder) == {}


async def test_codexs_own_record_of_a_block_scores_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    days = world.root / "sessions"
    world.service.adapters["codex"] = Codex(days)  # type: ignore[index]
    agent = await world.add("codex")
    given = await world.service.attendance.block(agent)
    began = world.clock.moment + timedelta(seconds=5)
    day = days / f"{began:%Y}" / f"{began:%m}" / f"{began:%d}"
    day.mkdir(parents=True)
    (day / "rollout-1.jsonl").write_text("\n".join(json.dumps(line) for line in rollout(world.folder, began)))
    world.clock.moment += BLOCK
    await world.service.look()
    await world.service.look()
    found = await world.service.shelf.session("it", given.session.id)
    assert found is not None
    assert found.signals.tests == "red"
    assert found.signals.corrections == 1
    assert found.score is not None
    assert found.score < 0.5
    stored = b"".join(path.read_bytes() for path in world.root.glob("hive.db*"))
    assert b"it" in stored
    assert MARKER.encode() not in stored, "no word of what was said or printed is kept"
