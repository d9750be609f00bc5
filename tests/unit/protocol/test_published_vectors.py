"""The vectors that other implementations check themselves against hold for this one."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.envelope import pae
from protocol.errors import RemoteProtocolError
from protocol.ids import node_id, node_id_of_certificate, parse_node_id
from protocol.sync import have_digest, parse_have_vector
from protocol.verification import OutOfPlace, verify_chain, verify_entry, verify_first_charter, verify_next_charter
from tests.vectors import make


def published(name: str) -> Any:
    return json.loads((make.FOLDER / name).read_text(encoding="utf-8"))


KEYS, FORMS, ENTRIES, CHARTERS, HAVE = (
    published(f"{name}.json") for name in ("node_ids", "pae", "envelopes", "charter_chain", "have_vector")
)


@pytest.mark.parametrize("name", make.vectors())
def test_published_file_is_what_the_generator_writes(name: str) -> None:
    """If this fails, the protocol changed for everybody: is that meant?"""
    assert (make.FOLDER / name).read_text(encoding="utf-8") == make.as_text(make.vectors()[name])


@pytest.mark.parametrize("case", KEYS["valid"], ids=lambda case: case["node_id"][:6])
def test_published_node_id_is_that_of_its_key(case: dict[str, str]) -> None:
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["secret_key"])).public_key().public_bytes_raw()

    assert public.hex() == case["public_key"]
    assert node_id(public) == case["node_id"]
    assert node_id_of_certificate(base64.b64decode(case["certificate"])) == case["node_id"]


@pytest.mark.parametrize("case", KEYS["refused_keys"], ids=lambda case: case["why"])
def test_published_weak_key_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        node_id(bytes.fromhex(case["public_key"]))

    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", KEYS["refused_ids"], ids=lambda case: case["why"])
def test_published_misspelt_id_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_node_id(case["node_id"])

    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", FORMS["cases"], ids=lambda case: case["type"])
def test_published_signed_form_is_ours(case: dict[str, str]) -> None:
    assert pae(case["type"], base64.b64decode(case["payload"])) == base64.b64decode(case["pae"])


@pytest.mark.parametrize("case", ENTRIES["cases"], ids=lambda case: case["name"])
def test_published_envelope_ends_as_published(case: dict[str, str]) -> None:
    membership = verify_first_charter(ENTRIES["charter"].encode(), ENTRIES["hive"])
    heads = parse_have_vector(ENTRIES["have"])

    assert outcome(case["envelope"].encode(), membership, heads) == case["outcome"]


def outcome(raw: bytes, membership: Any, heads: Any) -> str:
    try:
        found = verify_entry(raw, membership, heads)
    except RemoteProtocolError as error:
        return error.code
    return found.place if isinstance(found, OutOfPlace) else "next"


def test_published_chain_amounts_to_the_published_hive() -> None:
    membership = verify_chain([raw.encode() for raw in CHARTERS["chain"]], CHARTERS["hive"])

    assert membership.digest == CHARTERS["digest"]
    assert sorted(membership.members) == CHARTERS["members"]
    assert {identity: one.last_seq for identity, one in membership.revoked.items()} == CHARTERS["revoked"]
    assert sorted(membership.constitutions) == CHARTERS["constitutions"]
    following = verify_next_charter(CHARTERS["then"]["envelope"].encode(), membership)
    assert following.charter.version == CHARTERS["then"]["version"]


@pytest.mark.parametrize("case", CHARTERS["refused"], ids=lambda case: case["name"])
def test_published_charter_that_may_not_follow_is_refused(case: dict[str, str]) -> None:
    membership = verify_chain([raw.encode() for raw in CHARTERS["chain"]], CHARTERS["hive"])

    with pytest.raises(RemoteProtocolError) as caught:
        verify_next_charter(case["envelope"].encode(), membership)

    assert caught.value.code == case["code"]


def test_published_have_vector_has_the_published_digest() -> None:
    assert have_digest(parse_have_vector(HAVE["have"])) == HAVE["digest"]
