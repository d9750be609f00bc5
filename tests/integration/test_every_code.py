"""Every code of docs/protocol.md §4.5 has a story in which a hostile peer reaches it over a socket; a code without one fails here."""

import ast
import asyncio
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

import pytest

from hive_node.adapters.peer_client import PeerClient
from protocol.errors import Code, RemoteProtocolError
from tests.fakes.hive import FakeHive, FakeNode, sealed
from tests.integration.hives import LOOPBACK, LiveNode, hive_of
from tests.integration.raw_peer import Member, member_of
from tests.integration.test_federation_lying_peers import Liar, lying, ok
from tests.integration.test_federation_receiving import HOSTILE

_HERE: Final = Path(__file__).parent
# Never sent (§4.5): what this node says to itself of a peer that does not answer, or not in shape.
NEVER_SENT: Final = {Code.PEER_UNREACHABLE, Code.PEER_MISBEHAVED}

# Codes whose story stands elsewhere: the module, and the test.
STORIES: Final[dict[Code, tuple[str, str]]] = {
    Code.TOO_LARGE: ("test_federation_receiving", "test_a_line_over_the_limit_refuses_the_request"),
    Code.BAD_KEY: ("test_federation_receiving", "test_a_sync_request_out_of_shape_is_refused"),
    Code.OLD_EPOCH: ("test_federation_receiving", "test_an_author_that_came_back_is_heard_in_its_new_epoch_alone"),
    Code.EQUIVOCATION: ("test_federation_feeds", "test_an_equivocator_is_refused_quarantined_and_told_of"),
    Code.QUARANTINED: ("test_federation_feeds", "test_an_equivocator_is_refused_quarantined_and_told_of"),
    Code.REVOKED: ("test_federation_receiving", "test_a_member_revoked_while_connected_gets_its_next_request_refused"),
    Code.SCOPE_REFUSED: ("test_federation_receiving", "test_a_secret_that_arrives_is_kept_from_everyone"),
    Code.CHARTER_EXPIRED: (
        "test_federation_receiving",
        "test_an_expired_charter_lets_nothing_in_or_out_but_charters",
    ),
    Code.HALTED: ("test_federation_receiving", "test_a_halted_node_takes_and_gives_no_entry_but_charters"),
    Code.TOO_MANY: ("test_federation_receiving", "test_a_have_vector_of_a_thousand_and_one_authors_is_refused"),
    Code.GAP_FULL: ("test_federation_receiving", "test_room_for_entries_ahead_of_their_place_is_bounded_by_author"),
    Code.UNAVAILABLE: ("test_federation_receiving", "test_a_full_disk_is_said_so_and_nothing_is_believed"),
    Code.NOT_AN_ADMIN: ("test_federation_charters", "test_who_is_no_admin_proposes_nothing_and_sees_nothing"),
    Code.BAD_REQUEST: ("../hostile/test_requests", "test_what_is_no_request_ends_the_connection"),
    Code.INVITE_UNKNOWN: ("test_federation_joining", "test_an_invite_that_nobody_made_is_unknown"),
    Code.INVITE_EXPIRED: ("test_federation_joining", "test_an_invite_expires_by_either_clock"),
    Code.INVITE_USED: ("test_federation_joining", "test_an_invite_is_good_for_one_node"),
    Code.INVITE_PROOF: ("test_federation_joining", "test_a_nonce_is_good_for_one_attempt"),
    Code.JOIN_DENIED: ("test_federation_joining", "test_who_is_turned_away_is_told_and_asks_no_more"),
    Code.INVITE_CLOSED: (
        "test_federation_joining",
        "test_an_invite_closes_after_five_wrong_proofs_and_the_port_with_it",
    ),
}


def test_every_code_that_is_sent_has_a_story() -> None:
    told = {Code(code) for code, _ in HOSTILE.values()} | STORIES.keys() | {code for code, _ in CHARTERS.values()}
    assert set(Code) - told == NEVER_SENT
    assert not told & NEVER_SENT


@pytest.mark.parametrize("code", STORIES, ids=str)
def test_each_story_is_there_and_speaks_of_its_code(code: Code) -> None:
    module, story = STORIES[code]
    source = _stories(_HERE / f"{module}.py").get(story)
    assert source is not None, f"{module} has no {story}"
    assert code.value in source or f"Code.{code.name}" in source


@lru_cache
def _stories(path: Path) -> dict[str, str]:
    """The tests of a module, each with its decorators and all that it says."""
    text = path.read_text(encoding="utf-8")
    found = [one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        one.name: "\n".join(map(ast.unparse, one.decorator_list)) + (ast.get_source_segment(text, one) or "")
        for one in found
    }


# --- charters, as a hostile member would hand them over ----------------------------------------------------------------


def _version(hive: FakeHive, number: int, eve: Member) -> bytes:
    """Eve's wish for a charter, under a number of its choice."""
    wish = hive.successor(members=[eve.who.member()], admins={"threshold": 1, "ids": [eve.id]})
    return sealed(wish.model_copy(update={"version": number}).payload(), eve.who)


CHARTERS: Final[dict[str, tuple[Code, Callable[[FakeHive, Member], bytes]]]] = {
    "signed by no admin": (Code.CHARTER_THRESHOLD, lambda hive, eve: _version(hive, 3, eve)),
    "a version left out": (Code.CHARTER_CHAIN, lambda hive, eve: _version(hive, 4, eve)),
    "a version that was": (Code.CHARTER_ROLLBACK, lambda hive, eve: _version(hive, 2, eve)),
    "another hive's": (Code.WRONG_HIVE, lambda _hive, _eve: FakeHive.found(FakeNode("eve")).chain[0]),
    "rubbish": (Code.BAD_JSON, lambda _hive, _eve: b"rubbish"),
}


async def test_each_charter_that_a_member_may_not_make_is_refused_with_its_code(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        before = ada.hive.membership
        assert before is not None
        assert before.charter.version == 2
        for name, (code, make) in CHARTERS.items():
            assert await _refusal(ada, eve, make(FakeHive(before, ()), eve)) is code, name
        assert ada.hive.membership == before


async def _refusal(node: LiveNode, eve: Member, charter: bytes) -> Code | None:
    async def serving(_liar: Liar, _path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(charter))

    client = node.parts.client()
    assert isinstance(client, PeerClient)
    async with lying(eve, serving) as liar:
        raws = await client.charters(LOOPBACK, liar.port, eve.id, 3)
        try:
            await node.parts.reader.take_in(raws)
        except RemoteProtocolError as error:
            return error.code
    return None
