"""A variant in the words that an agent reads. What says nothing leaves nothing: the empty variant is the empty text."""

from typing import Final

from hive_node.agents.rules import sentence
from hive_node.agents.variant import Variant

_STYLES: Final = {
    "terse": "Answer tersely: no preamble, no summary of what is plain to see, code before words.",
    "normal": "",
    "verbose": "Explain as you go: what you are about to do, why, and what you found.",
}
_TOOLS: Final = {
    "background": "do not run commands in the background: wait for each one",
    "mcp": "do not use tools of MCP servers: work with the built-in ones",
    "subagents": "do not start sub-agents: do the work yourself",
    "web": "do not search or fetch from the web",
}


def instructions(variant: Variant) -> str:
    """Markdown without a final newline; an empty text where the variant has nothing to say in words."""
    rules = [found for rule in variant.behavioral_rules if (found := sentence(rule)) is not None]
    rules += [f"In this project, {_TOOLS[tool]}." for tool in variant.forbidden]
    blocks = [
        variant.system_prompt_prefix.strip(),
        _STYLES[variant.response_style],
        "\n".join(f"- {rule}" for rule in rules),
    ]
    return "\n\n".join(block for block in blocks if block)
