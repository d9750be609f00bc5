"""A server of the suite's own that speaks the Messages API: streamed answers, token counts, caching, and every way to fail.

What it answers is a script, one line a call; once it is at its end, the last line is said again and again. By hand:

    python -m tests.fakes.messages_api PORT SCRIPT.json      # [{"say": "…"}, {"fail": 529}, {"drop_after": 40, "say": "…"}]
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

KEY = "sk-ant-test-0123456789"
MODEL = "claude-sonnet-5-5"
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_CHUNK = 24


@dataclass(frozen=True)
class Line:
    """One answer. say: the model's text; thinking: tokens that it thought first. The rest is what goes wrong with it.

    fail: an error of that status instead. drop_after: the connection is cut after so many characters. error_after: an
    error event there. pause_s: between two pieces. hangs: nothing is ever answered. raw, raw_status: this body instead, as it is.
    """

    say: str = ""
    stop: str = "end_turn"
    thinking: int = 0
    fail: int = 0
    message: str = "as the script says"
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    error_after: int | None = None
    pause_s: float = 0.0
    hangs: bool = False
    raw: str | None = None
    raw_status: int = 200
    usage: dict[str, Any] | None = None


Script = Sequence["Line | Callable[[dict[str, Any]], Line]"]


@dataclass
class MessagesApi:
    """asked: each request for an answer. usages: what each answer that was begun said of its tokens. counted: counts asked for."""

    script: Script = (Line("hello"),)
    key: str | None = KEY
    models: tuple[str, ...] = (MODEL,)
    counts: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    usages: list[dict[str, Any]] = field(default_factory=list)
    counted: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    _cached: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_post("/v1/messages", self._messages)
        if self.counts:
            app.router.add_post("/v1/messages/count_tokens", self._count)
        return app

    async def start(self, port: int = 0) -> web.AppRunner:
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.port = runner.addresses[0][1]
        return runner

    # --- what it answers

    async def _count(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.counted += 1
        return self._refused(request, body) or web.json_response({"input_tokens": sum(_blocks(body).values())})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if refused := self._refused(request, body):
            return refused
        self.asked.append(body)
        self.headers.append(dict(request.headers))
        self.arrived.set()
        line = self.script[min(len(self.asked), len(self.script)) - 1]
        line = line(body) if callable(line) else line
        if line.hangs:
            await asyncio.Event().wait()
        if line.fail:
            return _error(line.fail, line.message, line.headers)
        if line.raw is not None:
            return web.Response(text=line.raw, content_type="text/html", status=line.raw_status)
        try:
            return await self._stream(request, body, line)
        except ConnectionError:  # who asked has gone
            return web.Response()

    def _refused(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if "anthropic-version" not in request.headers:
            return _error(400, "anthropic-version: header is required")
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, "invalid authentication credentials")
        if body["model"] not in self.models:
            return _error(404, f"model: {body['model']}")
        for name in ("temperature", "top_p", "top_k", "tool_choice", "thinking"):
            if name in body:
                return _error(400, f"{name}: is not supported by this model")
        if body["messages"][-1]["role"] != "user" or not all(message["content"] for message in body["messages"]):
            return _error(400, "messages: all messages must have non-empty content, and the last is the user's")
        return None

    async def _stream(self, request: web.Request, body: dict[str, Any], line: Line) -> web.StreamResponse:
        text, stop, answer_tokens = _within(line, body["max_tokens"])
        usage = {**self._usage(body), "output_tokens": answer_tokens, **(line.usage or {})}
        self.usages.append(usage)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def send(kind: str, **data: Any) -> None:
            event = json.dumps({"type": kind, **data})
            await response.write(f"event: {kind}\ndata: {event}\n\n".encode())

        message = {
            "id": f"msg_{len(self.asked):04}", "type": "message", "role": "assistant", "model": body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1},
        }  # fmt: skip
        await send("message_start", message=message)
        index = 0
        if line.thinking:
            await send(
                "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
            )
            await send("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "EqQB"})
            await send("content_block_stop", index=0)
            index = 1
        await send("content_block_start", index=index, content_block={"type": "text", "text": ""})
        await send("ping")
        for start in range(0, len(text), _CHUNK):
            if line.drop_after is not None and start >= line.drop_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            if line.error_after is not None and start >= line.error_after:
                await send("error", error={"type": "overloaded_error", "message": "Overloaded"})
                return response
            await send(
                "content_block_delta", index=index, delta={"type": "text_delta", "text": text[start : start + _CHUNK]}
            )
            await asyncio.sleep(line.pause_s)
        await send("content_block_stop", index=index)
        ended = {"stop_reason": stop, "stop_sequence": None}
        await send("message_delta", delta=ended, usage={"output_tokens": usage["output_tokens"]})
        await send("message_stop")
        return response

    def _usage(self, body: dict[str, Any]) -> dict[str, Any]:
        """Up to the last block that is marked, the prompt is written to the cache, or read from it where it was before."""
        blocks = _blocks(body)
        names = list(blocks)
        marked = [number for number, name in enumerate(names) if name[2]]
        prefix = names[: marked[-1] + 1] if marked else []
        digest = json.dumps([name[1] for name in prefix])
        cached = sum(blocks[name] for name in prefix)
        is_known = digest in self._cached
        self._cached.add(digest)
        return {
            "input_tokens": sum(blocks.values()) - cached,
            "cache_creation_input_tokens": 0 if is_known else cached,
            "cache_read_input_tokens": cached if is_known else 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0 if is_known else cached, "ephemeral_1h_input_tokens": 0},
        }


@contextmanager
def serving(api: MessagesApi) -> Iterator[MessagesApi]:
    """The server in a thread of its own, for tests that wait for processes."""
    loop = asyncio.new_event_loop()
    runner = loop.run_until_complete(api.start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def tokens(text: str) -> int:
    """What this server calls a token: four bytes, and one a text."""
    return len(text.encode()) // 4 + 1


def _blocks(body: dict[str, Any]) -> dict[tuple[int, str, bool], int]:
    """Each text of the prompt, in order: (place, text, marked for the cache) to its tokens."""
    parts = list(body.get("system", []))
    for message in body["messages"]:
        content = message["content"]
        parts += [{"text": content}] if isinstance(content, str) else content
    return {(number, part["text"], "cache_control" in part): tokens(part["text"]) for number, part in enumerate(parts)}


def _within(line: Line, max_tokens: int) -> tuple[str, str, int]:
    wanted = tokens(line.say) + line.thinking
    if wanted <= max_tokens:
        return line.say, line.stop, wanted
    return line.say[: max(0, 4 * (max_tokens - line.thinking))], "max_tokens", max_tokens


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    if status < 400:
        return web.Response(status=status, headers=headers)
    body = {
        "type": "error",
        "error": {"type": _TYPES.get(status, "api_error"), "message": message},
        "request_id": "req_1",
    }
    return web.json_response(body, status=status, headers={"request-id": "req_1", **(headers or {})})


def read_script(path: Path) -> list[Line]:
    """A JSON list of lines, each with the fields of `Line`."""
    return [Line(**line) for line in json.loads(path.read_text())]


async def _serve(port: int, script: Path) -> None:
    api = MessagesApi(read_script(script), key=None)
    runner = await api.start(port)
    print(f"Messages API at {api.url}, models {', '.join(api.models)}; any key will do", flush=True)
    try:
        said = 0
        while True:
            await asyncio.sleep(0.2)
            for usage in api.usages[said:]:
                print(json.dumps(usage), flush=True)
            said = len(api.usages)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    try:
        asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
    except KeyboardInterrupt:
        pass
