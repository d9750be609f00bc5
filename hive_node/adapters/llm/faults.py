"""What the SDK raises, as faults of this node: a code, a sentence with the remedy, and whether the call can have cost anything."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from hive_node.ports import ModelFault

if TYPE_CHECKING:
    import anthropic

_SAID_CHARS: Final = 200
_LONGEST_RETRY_S: Final = 3600.0

# By the error's own type where the answer has one, else by its status.
_BY_TYPE: Final[Mapping[str, str]] = {
    "authentication_error": "model.key-refused",
    "permission_error": "model.key-refused",
    "billing_error": "model.no-credit",
    "not_found_error": "model.unknown",
    "rate_limit_error": "model.rate-limited",
    "overloaded_error": "model.overloaded",
    "api_error": "model.overloaded",
    "timeout_error": "model.overloaded",
    "request_too_large": "model.too-large",
    "invalid_request_error": "model.bad-request",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "model.bad-request",
    401: "model.key-refused",
    402: "model.no-credit",
    403: "model.key-refused",
    404: "model.unknown",
    408: "model.overloaded",
    409: "model.overloaded",
    413: "model.too-large",
    429: "model.rate-limited",
}
_WORDS: Final[Mapping[str, str]] = {
    "model.key-refused": "{url} refuses the key: check ANTHROPIC_API_KEY or the keyring's entry, and what the key may do",
    "model.no-credit": "{url} asks for payment first: add credit to the account of this key",
    "model.unknown": "{url} knows no model {name!r}: correct [model] name in config.toml; with Ollama, `ollama pull` it first",
    "model.rate-limited": "{url} limits how often it is asked; it is asked again later",
    "model.overloaded": "{url} is overloaded or has a fault ({status}); it is asked again later",
    "model.too-large": "{url} takes no prompt of this size: make fewer or smaller files editable",
    "model.bad-request": "{url} does not take the request: {said}",
    "model.protocol": "what answers at {url} does not speak the Messages API ({status}): check [model] base_url in config.toml",
}


def of_status(error: "anthropic.APIStatusError", name: str, url: str, *, has_begun: bool) -> ModelFault:
    """An answer with an error in it. Free before the first token, but where something in between gave up on the provider."""
    status = error.status_code
    code = _BY_TYPE.get(error.type or "") or _BY_STATUS.get(status)
    if code is None:
        code = "model.overloaded" if status >= 500 else "model.protocol"
    said = one_line(error.api_message or "")
    message = _WORDS[code].format(url=url, name=name, status=status, said=said or f"status {status}")
    is_free = not has_begun and (error.type is not None or status < 500)
    return ModelFault(code, message, is_free=is_free, retry_after_s=_retry_after(error))


def of_connection(error: BaseException, url: str, *, is_free: bool) -> ModelFault:
    """No answer, or half of one."""
    kind = type(error.__cause__ or error).__name__
    return ModelFault(
        "model.unreachable",
        f"{url} is not reached, or the connection broke off ({kind}): check the network and [model] base_url; it is asked again later",
        is_free=is_free,
    )


def of_protocol(url: str, problem: str) -> ModelFault:
    """An answer that is none; what it cost is not known."""
    return ModelFault("model.protocol", _WORDS["model.protocol"].format(url=url, status=problem), is_free=False)


def one_line(text: str) -> str:
    """A provider's sentence, fit for a log: one line, capped, no control characters."""
    flat = " ".join(text.split())[:_SAID_CHARS]
    return "".join(character for character in flat if character.isprintable())


def _retry_after(error: "anthropic.APIStatusError") -> float | None:
    text = error.response.headers.get("retry-after", "")
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return min(float(text), _LONGEST_RETRY_S)
