"""The provider's key: from the environment, else from the system's keyring. Never from a file of ours, never logged."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hive_node.ports import ModelFault

VARIABLE: Final = "ANTHROPIC_API_KEY"
_SERVICE: Final = "hive-node"
_ACCOUNT: Final = "anthropic"


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found. The text is in no repr."""

    text: str = field(repr=False)
    origin: str


def find_key(environment: Mapping[str, str]) -> Key:
    """The key. Blocks while a keyring asks for its password. Raises ModelFault(model.no-key)."""
    text = environment.get(VARIABLE, "").strip()
    if text:
        return Key(_checked(text, VARIABLE), "the environment")
    found = _from_keyring()
    if found:
        return Key(_checked(found, "the keyring's entry"), "the keyring")
    extra = "" if _has_keyring() else "; keyrings are looked into once `pip install 'hive-node[keyring]'` was run"
    raise ModelFault(
        "model.no-key",
        f"there is no key for the model: set {VARIABLE} where the node is started, or run `keyring set {_SERVICE} {_ACCOUNT}`{extra}",
    )


def _checked(text: str, where: str) -> str:
    # It becomes a header: a line end in it would make a second one.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ModelFault("model.no-key", f"{where} holds no key: a key is one word of plain characters")
    return text


def _has_keyring() -> bool:
    return importlib.util.find_spec("keyring") is not None


def _from_keyring() -> str | None:
    if not _has_keyring():
        return None
    import keyring
    from keyring.errors import KeyringError

    try:
        found = keyring.get_password(_SERVICE, _ACCOUNT)
    except KeyringError as error:
        raise ModelFault(
            "model.no-key",
            f"the keyring does not open ({type(error).__name__}): unlock it or install one, or set {VARIABLE} where the node is started",
        ) from error
    return str(found).strip() if found else None
