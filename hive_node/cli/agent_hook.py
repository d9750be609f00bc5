"""`hive-node agent hook EVENT`: what a coding agent runs at each event. It never breaks the agent.

Whatever happens (no daemon, a locked database, a full disk, nonsense on standard input), it ends within 2 s with exit code
0, and prints nothing but what the agent is to read. Of what the agent tells, a few fields go to the daemon over its socket;
prompts and answers are not among them. Of the standard library alone, and of that as little as will do: its user waits for it.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

# The promise is 2 s; what is left is for the interpreter to start and to end.
_LIMIT_S: Final = 1.5
_SOCKET_S: Final = 1.3
# What an agent said last may be in it, however long that was.
_MOST_INPUT_BYTES: Final = 16 * 1024 * 1024
_MOST_ANSWER_BYTES: Final = 256 * 1024
_MOST_LOG_BYTES: Final = 256 * 1024
_PIECE_BYTES: Final = 64 * 1024
_FIELDS: Final = ("session_id", "transcript_path", "cwd", "source", "reason")


class _TooLate(Exception):
    pass


def run(arguments: list[str]) -> None:
    """Tell the daemon of one event. arguments: the command line's, of which `--home DIR` and the event's name are read."""
    signal.signal(signal.SIGALRM, _over)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)
    said = b""
    try:
        said = _ask(_home(arguments), arguments[-1], _given())
    except _TooLate:
        _log(arguments, "too late")
    except Exception as error:  # noqa: BLE001 - nothing that goes wrong here may reach the agent
        _log(arguments, type(error).__name__)
    signal.setitimer(signal.ITIMER_REAL, 0)
    with suppress(OSError):  # the agent is gone: nobody is left to be told
        while said:
            said = said[os.write(1, said) :]
    os._exit(0)  # nothing is left to be tidied up, and nothing can fail any more


def _given() -> dict[str, Any]:
    """What the agent tells, in the fields that are of use. Raises ValueError, TypeError."""
    text = sys.stdin.buffer.read(_MOST_INPUT_BYTES)
    while sys.stdin.buffer.read(_PIECE_BYTES):
        text = b""  # too long; all the same, an agent that still writes must not find the pipe closed
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise TypeError("not an object")
    return {name: tree[name] for name in _FIELDS if isinstance(tree.get(name), str)}


def _ask(home: Path, event: str, given: dict[str, Any]) -> bytes:
    """What is to be printed. Raises OSError, ValueError."""
    body = json.dumps({"kind": "claude-code", "event": event, **given}).encode()
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    head = f"POST /v1/sessions/hook HTTP/1.0\r\n{fields}\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SOCKET_S)
        connection.connect(str(home / "admin.sock"))
        connection.sendall(head.encode() + body)
        answer = b""
        while len(answer) <= _MOST_ANSWER_BYTES and (piece := connection.recv(_PIECE_BYTES)):
            answer += piece
    status, _, text = answer.partition(b"\r\n\r\n")
    if status.split(b" ")[1:2] != [b"200"]:
        raise ValueError("refused")
    return str(json.loads(text)["stdout"]).encode("utf-8")


def _home(arguments: list[str]) -> Path:
    for at, word in enumerate(arguments[:-1]):
        if word == "--home" or word.startswith("--home="):
            return Path(word.partition("=")[2] or arguments[at + 1])
    from hive_node.config.home import Home

    return Home.choose(None).root


def _over(_number: int, _frame: FrameType | None) -> None:
    raise _TooLate


def _log(arguments: list[str], problem: str) -> None:
    """One line in the node's home: the event and the kind of fault, nothing that the agent said."""
    with suppress(Exception):  # a disk that is full, a home that is gone: there is no other place to say so
        from hive_node.adapters.clock import SystemClock

        path = _home(arguments) / "agent-hook.log"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            if file.tell() > _MOST_LOG_BYTES:
                file.truncate(0)
            event = arguments[-1] if arguments[-1].isalnum() else "?"
            file.write(f"{SystemClock().now():%Y-%m-%dT%H:%M:%SZ} {event} {problem}\n".encode())
