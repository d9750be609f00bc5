"""Two real daemons: one is killed and gets an old copy of its home back, and everything ever said is said to the other again."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hive_node.adapters.keyfile import NodeKey, load_key
from hive_node.adapters.tls import certificate_of, client_context
from tests.integration.raw_peer import dialled


async def test_an_old_home_put_back_takes_its_feed_back_and_a_replay_from_day_zero_counts_nothing_twice(
    daemon: Callable[..., Any], knob_project: Path, tmp_path: Path
) -> None:
    anna, ben = daemon("desk", "anna"), daemon("laptop", "ben")
    anna.cli("hive", "create", "team")
    assert ben.cli("hive", "join", "-", stdin=anna.cli("hive", "invite").stdout).returncode == 0
    assert ben.cli("project", "add", str(knob_project)).returncode == 0
    tell(ben)
    ben.stop()
    backup = tmp_path / "backup"
    shutil.copytree(ben.home.root, backup, ignore=shutil.ignore_patterns("*.sock"))
    ben.start()
    tell(ben)
    tell(ben)
    until(anna, lambda: numbers(anna) == [3, 2, 1])
    before = [one["id"] for one in entries(anna)]
    ben.kill()
    shutil.rmtree(ben.home.root)
    shutil.copytree(backup, ben.home.root)

    ben.start()
    tell(ben)

    until(anna, lambda: numbers(anna) == [4, 3, 2, 1])
    assert [one["id"] for one in entries(anna)][1:] == before
    # When it came, and what the guard took out of it before it left, each node knows for itself.
    assert [one | own(mine) for one, mine in both(anna, ben)] == entries(ben)
    assert "quarantined" not in {one["state"] for one in anna.client.get("/v1/peers")["items"]}
    assert anna.cli("delta", "verify", "-", stdin=anna.cli("delta", "export").stdout).returncode == 0

    said = anna.cli("delta", "export").stdout.encode().splitlines()
    listed = anna.cli("delta", "list", "--json").stdout
    key = load_key(ben.home.key)
    ben.stop()
    for stopped in (anna.stop, anna.kill):
        stopped()
        anna.start()
        await replay(anna, key, said)
        assert anna.cli("delta", "list", "--json").stdout == listed


async def replay(node: Any, key: NodeKey, said: list[bytes]) -> None:
    """Everything twice, backwards too, by a member that has the right to say it."""
    port = int(re.findall(r"peer port open .*port=(\d+)", node.log.read_text())[-1])
    async with dialled(port, client_context(key, [certificate_of(load_key(node.home.key))])) as raw:
        assert set(await raw.post(*said, *reversed(said))) == {("duplicate", None)}


def tell(node: Any) -> None:
    """An experiment of nothing but its baseline: one entry."""
    identity = json.loads(node.cli("experiment", "start", "knob", "--step", "--json").stdout)["id"]
    for step in ("run", "finalize"):
        done = node.cli("experiment", step, identity)
        assert done.returncode == 0, done.stderr


def entries(node: Any) -> list[Any]:
    return list(node.client.get("/v1/deltas")["items"])


def own(entry: Any) -> dict[str, Any]:
    return {name: entry[name] for name in ("received_at", "removed")}


def both(anna: Any, ben: Any) -> list[tuple[Any, Any]]:
    return list(zip(entries(anna), entries(ben), strict=True))


def numbers(node: Any) -> list[int]:
    return [one["seq"] for one in entries(node)]


def until(node: Any, holds: Callable[[], bool]) -> None:
    """Return once it holds; looked at whenever the node tells of something, and when its stream beats."""
    if holds():
        return
    for _ in node.client.stream("/v1/events"):
        if holds():
            return
    raise AssertionError("the daemon went away")
