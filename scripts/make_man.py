"""The manual page, from the commands themselves: `make man` writes docs/hive-node.1, a test holds the two together."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from hive_node import __version__
from hive_node.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "hive-node.1"
_HEAD = """\
.\\" Made by `make man` from the commands' own help.
.TH HIVE-NODE 1 "" "hive-node {version}" "Hive node"
.SH NAME
hive-node \\- improves what you already have, behind two gates, and learns with the nodes of your team
.SH SYNOPSIS
.B hive-node
.RI [ "global options" ] " command " [ options ] " " [ arguments ]
.SH DESCRIPTION
A daemon for a developer's machine. It improves the code of a repository and the configuration of a coding agent, in a sandbox and by
measurement; nodes of one team tell each other, signed, what worked.
.B hive-node init
makes a node,
.B hive-node run
starts it; most other commands talk to it over its Unix socket.
.SH GLOBAL OPTIONS
"""
_TAIL = """\
.SH ENVIRONMENT
.TP
.B HIVE_NODE_HOME
The node's folder, where \\fB\\-\\-home\\fR is not given; else the platform's data folder.
.SH FILES
.TP
.I config.toml
Settings; in the node's folder, as all of these.
.TP
.IR node.key ", " admin.token
The node's identity and the admin API's token, for the owner alone.
.TP
.I hive.db
Everything the node knows.
.TP
.I admin.sock
The admin API.
.SH EXIT STATUS
.TP
.B 0
done
.TP
.B 1
a clear no: refused, found, failed check
.TP
.B 2
wrong usage
.TP
.B 3
the daemon cannot be reached
"""


def page() -> str:
    """The whole page, in man(7)."""
    root = typer.main.get_command(app)
    lines = [_HEAD.format(version=__version__), *_options(root), ".SH COMMANDS\n"]
    for words, command in _leaves(root, ()):
        lines += [f".SS hive\\-node {_plain(' '.join(words))}{_arguments(command)}\n", _prose(command.help or "")]
        lines += _options(command)
    return "".join(lines) + _TAIL


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if words and (inner is None or getattr(command, "invoke_without_command", False)):
        yield words, command
    for name, one in sorted((inner or {}).items()):
        if not one.hidden:
            yield from _leaves(one, (*words, name))


def _arguments(command: Any) -> str:
    names = [
        (one.metavar or one.name.upper(), one.required) for one in command.params if one.param_type_name == "argument"
    ]
    return "".join(f" {_plain(name if needed or name.startswith('[') else f'[{name}]')}" for name, needed in names)


def _options(command: Any) -> list[str]:
    return [
        f".TP\n{_names(one)}\n{_plain(one.help or '')}\n"
        for one in command.params
        if not getattr(one, "hidden", False) and (one.param_type_name == "option" or one.help)
    ]


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f".I {_plain(parameter.metavar or parameter.name.upper())}"
    value = "" if parameter.is_flag else f" \\fI{_plain(parameter.metavar or parameter.name.upper())}\\fR"
    return f".B {_plain(', '.join([*parameter.opts, *parameter.secondary_opts]))}{value}"


def _prose(text: str) -> str:
    """Paragraphs; what follows Click's \\b, its examples, line by line."""
    found = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            found += [".PP\n.nf\n", *(f"{_plain(line)}\n" for line in paragraph.splitlines()[1:]), ".fi\n"]
        else:
            found += [".PP\n", _plain(" ".join(paragraph.split())), "\n"]
    return "".join(found)


def _plain(text: str) -> str:
    """Text as text: neither a request at the start of a line nor an escape; a hyphen that can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\&...")
    return re.sub(
        r"(?m)^([.'])", r"\\&\1", "".join(one if ord(one) < 128 else f"\\[u{ord(one):04X}]" for one in escaped)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="ascii")
    sys.stdout.write(f"{PAGE}\n")
