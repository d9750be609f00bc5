"""The official package's own client, over standard input and output, against a real daemon: an agent as the loop's driver."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.agent_tools.table import TOOLS
from tests.integration.conftest import Daemon, command, environment, repository

mcp = pytest.importorskip("mcp")

LOOKING = {tool.name for tool in TOOLS if tool.needs is None}


@pytest.fixture(scope="module")
def node(module_daemon: Callable[..., Daemon], module_knob_project: Path) -> Daemon:
    node = module_daemon()
    assert node.cli("project", "add", str(module_knob_project)).returncode == 0
    return node


@asynccontextmanager
async def agent(node: Daemon, *options: str, mode: str = "auto") -> AsyncIterator[Any]:
    """An agent that has started the server as its own child."""
    program, *arguments = command(node.home, "mcp", *options)
    server = mcp.StdioServerParameters(command=program, args=arguments, env=environment())
    async with mcp.Client(server, mode=mode) as client:
        yield client


async def asked(client: Any, tool: str, /, **arguments: Any) -> Any:
    """What a tool answers; its text and its structure say the same."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client: Any, tool: str, /, **arguments: Any) -> str:
    """Why a tool does not do it."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_unless_it_was_allowed_more_an_agent_may_only_look(node: Daemon, mode: str) -> None:
    async with agent(node, mode=mode) as client:
        shown = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert shown.keys() == LOOKING
        assert all(tool.annotations.read_only_hint for tool in shown.values())
        for name, group in (("experiment_run", "steps"), ("skill_call", "skills")):
            with pytest.raises(mcp.MCPError, match=f"hive-node mcp --allow {group}"):
                await client.call_tool(name, {"experiment": "knob-1", "name": "x", "input": 1})
        with pytest.raises(mcp.MCPError, match="there is no tool 'rm'"):
            await client.call_tool("rm", {})
    assert node.client.get("/v1/experiments")["items"] == []


async def test_an_agent_drives_an_experiment_from_its_baseline_to_a_promotion(node: Daemon) -> None:
    async with agent(node, "--allow", "steps") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            tool.name for tool in TOOLS if tool.needs != "skills"
        }
        assert (await asked(client, "status"))["experiments"] == {}
        assert [one["id"] for one in (await asked(client, "projects"))["items"]] == ["knob"]
        started = await asked(client, "experiment_setup", project="knob", iterations=2)
        identity = started["id"]
        assert (started["state"], started["next"]) == ("baselined", ["edit", "finalize"])
        edit = {"path": "src/knob.py", "search": "SIZE = 8", "replace": "SIZE = 20"}
        await asked(client, "experiment_edit", experiment=identity, idea="Where the cost is least.", edits=[edit])
        assert (await asked(client, "experiment_run", experiment=identity))["state"] == "tried"
        decided = await asked(client, "experiment_decide", experiment=identity)
        assert (decided["state"], decided["best"]) == ("promoted", 1.0)
        assert (await asked(client, "experiment_status", experiment=identity))["promotions"] == 1
        trials = await asked(client, "experiment_trials", experiment=identity, limit=1)
        assert trials["items"][0]["outcome"] == "promoted"
        assert "cannot run now [experiment.wrong-state]" in await refused(client, "experiment_run", experiment=identity)
        assert (await asked(client, "experiment_finalize", experiment=identity))["state"] == "finalized"
        assert "[experiment" in await refused(client, "experiment_stop", experiment="knob-99")
        assert [one["id"] for one in (await asked(client, "experiments", project="knob"))["items"]] == [identity]
        assert (await asked(client, "view", project="knob"))["suggestions"] == []


async def test_what_is_wrong_with_arguments_is_said_by_name_and_never_the_value(node: Daemon) -> None:
    token = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
    async with agent(node, "--allow", "steps") as client:
        said = await refused(client, "experiment_edit", experiment="knob-1", edits=[{"path": 3}], more=token)
        assert "[arguments.invalid]" in said
        for part in ("`idea`: Field required", "`edits.0.path`", "`edits.0.search`: Field required", "`more`"):
            assert part in said
        assert token not in said
        assert "`limit`" in await refused(client, "experiment_trials", experiment="knob-1", limit=0)
        assert "[project.unknown]" in await refused(client, "view", project="../../etc/passwd")
        found = await asked(client, "scan", text=f"key = '{token}'\n")
        assert [one["kind"] for one in found["items"]] == ["secret"]
        assert token not in json.dumps(found)


async def test_without_a_daemon_each_answer_says_how_to_start_it(daemon: Callable[..., Daemon]) -> None:
    async with agent(daemon(start=False)) as client:
        said = await refused(client, "status")
        assert "hive-node run" in said
        assert "[daemon.unreachable]" in said


async def test_an_agent_that_goes_away_in_the_middle_of_a_run_leaves_the_experiment_where_it_was(
    daemon: Callable[..., Daemon], knob_project: Path
) -> None:
    bench = knob_project / "bench" / "run.py"
    bench.write_text(f"{bench.read_text()}\nif size > 50:\n    import time\n    time.sleep(25)\n")
    node = daemon()
    assert node.cli("project", "add", str(repository(knob_project))).returncode == 0
    edit = {"path": "src/knob.py", "search": "SIZE = 8", "replace": "SIZE = 60"}
    async with agent(node, "--allow", "steps") as client:
        await asked(client, "experiment_setup", project="knob")
        await asked(client, "experiment_edit", experiment="knob-1", idea="Slow.", edits=[edit])
        with pytest.raises(mcp.MCPError):
            await client.call_tool("experiment_run", {"experiment": "knob-1"}, read_timeout_seconds=2)
        assert (await asked(client, "experiment_status", experiment="knob-1"))["state"] == "proposed", (
            "others are answered"
        )
    assert node.client.get("/v1/experiments/knob-1")["next"] == ["run"]
    async with agent(node, "--allow", "steps") as client:
        assert (await asked(client, "experiment_stop", experiment="knob-1", reason="enough"))["stop_reason"] == "enough"


def test_it_ends_with_its_input_and_answers_what_is_no_message(node: Daemon) -> None:
    done = subprocess.run(
        command(node.home, "mcp"), input="no json\n", capture_output=True, text=True, env=environment(), timeout=60
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        json.loads(line)


def test_without_the_package_the_command_says_what_to_install(node: Daemon) -> None:
    code = "import sys; sys.modules['mcp'] = None; from hive_node.cli.main import run; sys.argv[1:] = ['mcp']; run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode == 1
    assert "pip install 'mcp>=2.3'" in done.stderr


def test_nothing_but_the_command_itself_needs_the_package(node: Daemon) -> None:
    code = (
        "import sys, hive_node.daemon, hive_node.cli.main; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'mcp', 'mcp_types', 'starlette', 'tomlkit'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60)
    assert done.stdout == "[]\n", done.stderr
