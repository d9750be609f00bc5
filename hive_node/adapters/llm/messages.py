"""The Messages API through Anthropic's SDK: their service, or whatever speaks it at `base_url`, as Ollama does.

Answers are streamed, so that a long one does not time out. The SDK costs 45 MB and a second: imported on first use.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from guardrails.prices import Usage
from hive_node.adapters.llm.faults import of_connection, of_protocol, of_status
from hive_node.ports import Answer, Ending, ModelFault, Prompt

if TYPE_CHECKING:
    import anthropic

PROVIDER: Final = "https://api.anthropic.com"
# Counting costs nothing, so that the SDK may repeat it. A call that costs money is made once, by whoever reserved it.
_COUNTING_RETRIES: Final = 2
_COUNTING_TIMEOUT_S: Final = 30.0
_CONNECT_TIMEOUT_S: Final = 10.0
# The provider calls its count an estimate that "might differ by a small amount": what is reserved is more than that.
_MARGIN: Final = (20, 64)  # a twentieth more, and 64
# A token is at least one byte; around each block a provider puts a few tokens of its own.
_OWN_TOKENS_A_BLOCK: Final = 64
# No tokenizer has a token this long on average; a server that sends more than it was asked for is cut off.
_MOST_CHARS_A_TOKEN: Final = 64
_CACHED: Final = {"type": "ephemeral"}


@dataclass(slots=True)
class MessagesModel:
    """One model behind one address. key: what is sent as such; a local server is sent a word of no meaning."""

    name: str
    key: str = field(repr=False)
    base_url: str = PROVIDER
    timeout_s: float = 600.0
    is_direct: bool = False
    _client: "anthropic.AsyncAnthropic | None" = field(default=None, repr=False)
    _counts: bool = True
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def most_tokens(self, prompt: Prompt) -> int:
        """The provider's count and a margin; where it cannot count, an upper bound of our own. Raises ModelFault."""
        if self._counts and (found := await self._counted(prompt)) is not None:
            part, more = _MARGIN
            return found + found // part + more
        return _bound(prompt)

    async def count(self, prompt: Prompt) -> int | None:
        """The provider's own count; None where it does not count. Raises ModelFault. Costs nothing."""
        return await self._counted(prompt)

    async def answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        """Ask once. Raises ModelFault; what is not free in it may have cost up to everything that was asked for."""
        client = await self._open()
        heard = _Heard(self.base_url, _MOST_CHARS_A_TOKEN * max_tokens)
        async with self._translated(heard), asyncio.timeout(self.timeout_s):
            request = _request(prompt)
            stream = await client.messages.create(model=self.name, max_tokens=max_tokens, stream=True, **request)
            async with stream:
                async for event in stream:
                    heard.take(event)
            return heard.answer()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _counted(self, prompt: Prompt) -> int | None:
        client = (await self._open()).with_options(max_retries=_COUNTING_RETRIES, timeout=_COUNTING_TIMEOUT_S)
        async with self._translated(_Heard(self.base_url)):
            import anthropic

            try:
                found = await client.messages.count_tokens(model=self.name, **_request(prompt))
            except anthropic.APIStatusError as error:
                # A server without this endpoint says so in words of its own; the API's own 404 means the model.
                if error.type is None and error.status_code in {404, 405, 501}:
                    self._counts = False
                    return None
                raise
            return _whole(found.input_tokens, self.base_url)

    async def _open(self) -> "anthropic.AsyncAnthropic":
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self)
            return self._client

    @asynccontextmanager
    async def _translated(self, heard: "_Heard") -> AsyncIterator[None]:
        """Every failure of the SDK, and of the connection below it, as a ModelFault."""
        import anthropic
        import httpx2

        try:
            yield
        except anthropic.APIStatusError as error:
            raise of_status(error, self.name, self.base_url, has_begun=heard.has_begun) from None
        except anthropic.APIConnectionError as error:
            never_sent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise of_connection(error, self.base_url, is_free=never_sent) from None
        except httpx2.TransportError as error:
            raise of_connection(error, self.base_url, is_free=False) from None
        except TimeoutError:
            raise _too_slow(self, heard) from None
        except (anthropic.AnthropicError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
            # What a server that is none made the SDK stumble over; its words stay out of the log.
            raise of_protocol(self.base_url, type(error).__name__) from None


@dataclass(slots=True)
class _Heard:
    """An answer as far as it has come. has_begun: tokens were used from here on."""

    url: str
    most_chars: int = 0
    has_begun: bool = False
    chars: int = 0
    text: list[str] = field(default_factory=list)
    usage: dict[str, object] = field(default_factory=dict)
    stop_reason: str | None = None

    def take(self, event: Any) -> None:
        """One event of the stream. Raises ModelFault for more text than any answer of the wanted length has."""
        match event.type:
            case "message_start":
                self.has_begun = True
                self._count(event.message.usage)
            case "content_block_delta":
                text = getattr(event.delta, "text", None) or ""
                self.text.append(text)
                self.chars += len(text) + len(getattr(event.delta, "thinking", None) or "")
                if self.chars > self.most_chars:
                    raise of_protocol(self.url, "more text than was asked for")
            case "message_delta":
                self.stop_reason = event.delta.stop_reason
                self._count(event.usage)
            case _:
                pass

    def answer(self) -> Answer:
        """The whole of it. Raises ModelFault where it is none, or half of one."""
        if not self.has_begun:
            raise of_protocol(self.url, "no answer")
        if self.stop_reason is None:
            raise of_connection(EOFError(), self.url, is_free=False)
        return Answer("".join(self.text), self._usage(), _ending(self.stop_reason))

    def _count(self, usage: Any) -> None:
        # Totals, each time; what a later event leaves out stays as it was.
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"):
            if (value := getattr(usage, name, None)) is not None:
                self.usage[name] = value
        if (by_life := getattr(usage, "cache_creation", None)) is not None:
            self.usage["hour"] = by_life.ephemeral_1h_input_tokens

    def _usage(self) -> Usage:
        count = {name: _whole(value, self.url) for name, value in self.usage.items()}
        hour = count.get("hour", 0)
        return Usage(
            input_tokens=_whole(count.get("input_tokens"), self.url),
            cache_write_tokens=max(count.get("cache_creation_input_tokens", 0) - hour, 0),
            cache_write_hour_tokens=hour,
            cache_read_tokens=count.get("cache_read_input_tokens", 0),
            output_tokens=_whole(count.get("output_tokens"), self.url),
        )


def _client(model: MessagesModel) -> "anthropic.AsyncAnthropic":
    import anthropic
    import httpx2

    # Their loggers write requests and headers at the levels below: prompts and keys are never logged.
    for name in ("anthropic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    timeout = httpx2.Timeout(model.timeout_s, connect=min(_CONNECT_TIMEOUT_S, model.timeout_s))
    # A redirect would carry the key to another host. What is asked on this machine goes through no proxy.
    http = httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=not model.is_direct)
    return anthropic.AsyncAnthropic(
        api_key=model.key,
        base_url=model.base_url,
        timeout=timeout,
        max_retries=0,
        open_telemetry=False,
        http_client=http,
    )


def _request(prompt: Prompt) -> dict[str, Any]:
    """The parts of a request that are counted. No tool choice, prefill, sampling or thinking settings: not every model takes them."""
    opening = [
        {"type": "text", "text": prompt.material, "cache_control": _CACHED},
        {"type": "text", "text": prompt.question},
    ]
    messages: list[dict[str, Any]] = [{"role": "user", "content": opening}]
    for said, reply in prompt.turns:
        messages += [{"role": "assistant", "content": said}, {"role": "user", "content": reply}]
    return {"system": [{"type": "text", "text": prompt.system, "cache_control": _CACHED}], "messages": messages}


def _bound(prompt: Prompt) -> int:
    texts = [prompt.system, prompt.material, prompt.question, *(text for turn in prompt.turns for text in turn)]
    return sum(len(text.encode("utf-8", "surrogatepass")) + _OWN_TOKENS_A_BLOCK for text in texts)


def _ending(reason: str) -> Ending:
    match reason:
        case "max_tokens" | "model_context_window_exceeded":
            return Ending.CUT_OFF
        case "refusal":
            return Ending.REFUSED
        case _:
            return Ending.DONE


def _whole(value: object, url: str) -> int:
    """A count as it must be: a server of somebody's own may say anything here, and it becomes money."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise of_protocol(url, "its token counts are no numbers")
    return value


def _too_slow(model: MessagesModel, heard: _Heard) -> ModelFault:
    if not heard.has_begun:
        return of_connection(TimeoutError(), model.base_url, is_free=False)
    return ModelFault(
        "model.too-slow",
        f"{model.base_url} did not end its answer in {model.timeout_s:g} s: raise [model] timeout_s in config.toml",
        is_free=False,
    )
