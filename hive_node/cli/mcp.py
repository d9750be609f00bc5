"""`mcp`: this node's tools for an agent, over the Model Context Protocol on standard input and output."""

from typing import Annotated

import typer

from hive_node.cli.agent_tools.allowed import Allowed
from hive_node.cli.context import client_of
from hive_node.cli.output import NO, end


def mcp(
    context: typer.Context,
    allow: Annotated[
        list[Allowed] | None,
        typer.Option(
            help="steps: drive experiments; skills: call skills. Else an agent may only look. Can be repeated."
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="How this agent is called in its events: it sees and calls its own skills alone.")
    ] = None,
) -> None:
    """Offer this node to an agent: the loop's steps, status, view, skills and scan as tools. Ends with standard input."""
    import asyncio

    try:
        from hive_node.cli.agent_tools.serving import ToolServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
            raise
        end(
            "the package `mcp` is not installed: install hive-node with its extra `mcp`, or `pip install 'mcp>=2.3'` beside it",
            NO,
        )
    from hive_node.cli.agent_tools.table import offered

    asyncio.run(ToolServer(client_of(context), offered(allow or ()), agent).serve())
