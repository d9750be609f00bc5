"""What admins' nodes tell one another of changes under discussion: any bytes end in an offer or a code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Code, RemoteProtocolError
from protocol.limits import PROPOSALS
from protocol.proposals import Held, Offer, parse_offer
from protocol.verification import verify_proposal
from tests.fakes.hive import FakeHive, FakeNode, admins, sealed

ADA, BO, CY, EVE = (FakeNode(seed) for seed in ("ada", "bo", "cy", "eve"))
BOARD = FakeHive.found(ADA, BO, CY, signers=[ADA, BO], admins=admins(ADA, BO, threshold=2))
DIGEST = "a" * 64


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=200) | st.sampled_from([b'{"held":{}}', b'{"held":[]}', b"{}"]), max_size=20))
def test_any_lines_are_an_offer_or_a_code(lines: list[bytes]) -> None:
    try:
        offer = parse_offer(lines)
    except RemoteProtocolError:
        return
    assert parse_offer(offer.lines()) == offer


@pytest.mark.parametrize(
    "held",
    [
        b'{"held":{"x":{"signers":[],"turned_down":false}}}',
        b'{"held":{"%s":{"signers":["%s"],"turned_down":0}}}' % (b"a" * 64, ADA.id.encode()),
        b'{"held":{"%s":{"signers":["ada"],"turned_down":true}}}' % (b"a" * 64),
        b'{"held":{"%s":[]}}' % (b"a" * 64),
        b'{"held":{%s}}'
        % b",".join(b'"%064x":{"signers":[],"turned_down":false}' % number for number in range(PROPOSALS + 1)),
    ],
)
def test_what_is_out_of_shape_is_refused(held: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_offer([held])
    assert caught.value.code is Code.BAD_SCHEMA


def test_an_offer_comes_back_as_it_was_sent() -> None:
    offer = Offer({DIGEST: Held((ADA.id, BO.id), is_turned_down=True)}, (b"one", b"two"))
    assert parse_offer(offer.lines()) == offer


def test_a_proposal_counts_what_it_lacks_of_either_board() -> None:
    next_board = {"admins": admins(BO, CY, threshold=2)}

    def lacks(*signers: FakeNode) -> int:
        payload = BOARD.successor(**next_board).payload()
        return verify_proposal(sealed(payload, *signers), BOARD.membership).lacks

    assert (lacks(ADA), lacks(BO), lacks(ADA, BO), lacks(BO, CY), lacks(ADA, BO, CY)) == (2, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("signers", "code"),
    [([CY], Code.BAD_ENVELOPE), ([EVE, ADA], Code.BAD_ENVELOPE), ([ADA, ADA], Code.BAD_ENVELOPE)],
)
def test_a_proposal_by_who_has_no_say_is_none(signers: list[FakeNode], code: Code) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        verify_proposal(sealed(BOARD.successor(name="x").payload(), *signers), BOARD.membership)
    assert caught.value.code is code


def test_a_proposal_that_only_newcomers_signed_is_none() -> None:
    coup = BOARD.successor(admins=admins(CY))
    with pytest.raises(RemoteProtocolError) as caught:
        verify_proposal(sealed(coup.payload(), CY), BOARD.membership)
    assert caught.value.code is Code.CHARTER_THRESHOLD
