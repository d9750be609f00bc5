"""Addresses of crypto currencies, by their real checksums where they have one that is cheap, else by structure."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal.checksums import (
    RIPPLE_58,
    base58,
    base58check,
    bech32,
    cash_address,
    ss58,
    stellar,
    ton,
)

# Version bytes of addresses: Bitcoin, Litecoin, Dogecoin, Dash, Tron, Zcash, Tezos and others; of their test networks too.
_VERSIONS: Final = (
    b"\x00", b"\x05", b"\x30", b"\x32", b"\x1e", b"\x16", b"\x4c", b"\x10", b"\x41", b"\x6f", b"\xc4", b"\x3a",
    b"\x1c\xb8", b"\x1c\xbd", b"\x06\xa1\x9f", b"\x06\xa1\xa1", b"\x06\xa1\xa4", b"\x02\x5a\x79", b"\x3c", b"\x17",
    b"\x19", b"\x34", b"\x37", b"\x38", b"\x3f", b"\x07\x3f",
)  # fmt: skip
_HASH_BYTES: Final = 20
_KEY_BYTES: Final = 32
# Words beside forty hexadecimal digits that are another thing's: of a program on the chain, which is everybody's, too.
_OTHER_HEX: Final = (
    "sha1", "commit", "hash", "digest", "checksum", "topic", "bytecode", "selector", "contract", "contracts", "router",
    "factory", "deployed", "proxy", "implementation", "multicall", "registry",
)  # fmt: skip


def base58_address(candidate: Candidate) -> float:
    """Base58Check of a known version and a hash of 20 bytes."""
    raw = base58check(candidate.value)
    is_address = raw is not None and any(
        raw.startswith(version) and len(raw) == len(version) + _HASH_BYTES for version in _VERSIONS
    )
    return candidate.confidence if is_address else 0.0


def ripple_address(candidate: Candidate) -> float:
    """The same in Ripple's own alphabet."""
    raw = base58check(candidate.value, RIPPLE_58)
    return candidate.confidence if raw is not None and len(raw) == 1 + _HASH_BYTES else 0.0


def bech32_address(candidate: Candidate) -> float:
    """Bech32 or Bech32m, in one case."""
    value = candidate.value
    is_one_case = value in {value.lower(), value.upper()}
    return candidate.confidence if is_one_case and bech32(value) else 0.0


def cash(candidate: Candidate) -> float:
    """Bitcoin Cash, with its prefix or without."""
    data = candidate.value.rpartition(":")[2]
    return candidate.confidence if cash_address(data) else 0.0


def substrate_address(candidate: Candidate) -> float:
    """Polkadot, Kusama and the chains built as they are."""
    return candidate.confidence if ss58(candidate.value) else 0.0


def stellar_address(candidate: Candidate) -> float:
    """An account's public key with its CRC."""
    return candidate.confidence if stellar(candidate.value) else 0.0


def ton_address(candidate: Candidate) -> float:
    """A contract's address with its CRC."""
    return candidate.confidence if ton(candidate.value) else 0.0


def hex_address(candidate: Candidate) -> float:
    """Ethereum and the chains built as it is: both cases as its checksum writes them, or a label."""
    body = candidate.value[2:]
    if len(set(body.lower())) < 8 or candidate.is_near(_OTHER_HEX):
        return 0.0
    return candidate.confidence


def key_address(candidate: Candidate) -> float:
    """Solana, Sui and Aptos: a key of 32 bytes, with nothing that checks it."""
    if candidate.value.startswith("0x"):
        return candidate.confidence if len(set(candidate.value)) > 8 else 0.0
    raw = base58(candidate.value)
    has_both = candidate.value.lower() != candidate.value != candidate.value.upper()
    is_key = raw is not None and len(raw) == _KEY_BYTES and has_both and any(map(str.isdigit, candidate.value))
    return candidate.confidence if is_key else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "base58-address": base58_address,
    "ripple-address": ripple_address,
    "bech32-address": bech32_address,
    "cash-address": cash,
    "substrate-address": substrate_address,
    "stellar-address": stellar_address,
    "ton-address": ton_address,
    "hex-address": hex_address,
    "key-address": key_address,
}
