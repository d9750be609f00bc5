"""Members who answer the node's own questions: with charters that may not be taken, and with answers that never end."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from protocol.charter import stamp
from protocol.wire import dump_json
from tests.fakes.hive import FakeNode, admins, base64_text, sealed
from tests.hostile.answering import answering, tell_of
from tests.hostile.stage import BO, CAROL, DAN, MALLORY, SERVERS, STRANGER, Stage, member, staged
from tests.hostile.wire import dialled

PATIENCE_S = 30.0
VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def issued(stage: Stage, *signers: FakeNode, previous: str | None = None, **changes: object) -> bytes:
    """A next version as admins would issue it now."""
    now = datetime.now(UTC)
    times = {"issued_at": stamp(now), "expires_at": stamp(now + timedelta(days=90))}
    tree = json.loads(stage.hive.successor(**(times | changes)).payload())
    return sealed(dump_json(tree | ({"previous": previous} if previous else {})), *signers)


def with_member(stage: Stage, **fields: str) -> bytes:
    """A next version, properly signed, that lists one more member than can be."""
    tree = json.loads(stage.hive.successor().payload())
    tree["members"].append(member(STRANGER).model_dump() | fields)
    return sealed(dump_json(tree), CAROL, DAN)


def weak_key() -> str:
    return base64.b32encode(b"\x01" + bytes(31)).decode().rstrip("=").lower()


FALSE_CHARTERS: dict[str, tuple[Callable[[Stage], bytes], str]] = {
    "signed by too few": (lambda stage: issued(stage, CAROL), "charter-threshold"),
    "signed twice by one": (lambda stage: issued(stage, CAROL, CAROL), "charter-threshold"),
    "signed by no admin": (lambda stage: issued(stage, MALLORY, BO), "charter-threshold"),
    "signed by its own new admins": (
        lambda stage: issued(stage, MALLORY, BO, admins=admins(MALLORY, BO, threshold=2)),
        "charter-threshold",
    ),
    "signed by one more": (lambda stage: issued(stage, CAROL, DAN, MALLORY), "bad-envelope"),
    "rolled back": (lambda stage: stage.hive.chain[1], "charter-rollback"),
    "begun anew": (lambda stage: stage.hive.chain[0], "wrong-hive"),
    "of another past": (lambda stage: issued(stage, CAROL, DAN, previous="0" * 64), "charter-chain"),
    "a version skipped": (lambda stage: issued(stage, CAROL, DAN, version=5), "charter-chain"),
    "a member's weak key": (lambda stage: with_member(stage, id=weak_key()), "bad-key"),
    "another's certificate": (
        lambda stage: with_member(stage, certificate=member(BO).certificate),
        "bad-key",
    ),
    "a certificate that is none": (lambda stage: with_member(stage, certificate=base64_text(b"x")), "bad-key"),
    "a million brackets": (lambda _: b'{"payload":[' + b"[]," * 300_000 + b"[]]}", "too-large"),
    "ten thousand faults": (
        lambda _: CAROL.seal(
            dump_json({f"field {number}": number for number in range(40_000)}),
            "application/vnd.hive-node.charter.v1+json",
        ).to_bytes(),
        "too-large",
    ),
}


def test_false_charters_are_refused_by_their_codes_and_none_is_taken(stage: Stage) -> None:
    """Some members at a time: each tells that it holds a newer version, is asked for it, and hands over what it has."""
    names = list(FALSE_CHARTERS)
    for start in range(0, len(names), len(SERVERS)):
        tell(stage, {name: FALSE_CHARTERS[name] for name in names[start : start + len(SERVERS)]})
    with dialled(stage.port, BO) as wire:
        assert wire.ask("GET", "/hive/v1/node").tree["charter_version"] == len(stage.hive.chain)


def tell(stage: Stage, charters: dict[str, tuple[Callable[[Stage], bytes], str]]) -> None:
    for who, (forge, code) in zip(SERVERS, charters.values(), strict=False):
        with answering(who, forge(stage) + b"\n") as server:
            said = f"peer={who.id} code={code}"
            # §2.7: what does not follow may be another side of the chain; it is looked for, and there is none.
            is_done = server.seen.is_set if code == "charter-chain" else lambda said=said: said in stage.log
            tell_of(stage, server, is_done)


def test_a_hive_whose_charter_has_expired_takes_and_gives_nothing(tmp_path: Path) -> None:
    with staged(tmp_path, age=timedelta(days=91)) as stage, dialled(stage.port, BO) as wire:
        assert wire.post(stage.entry(BO).to_bytes()) == [("refused", "charter-expired")]
        assert wire.ask("POST", "/hive/v1/sync", b'{"have":{}}').refusal == (400, "charter-expired")
        assert wire.ask("GET", "/hive/v1/charter").body == b"\n".join(stage.hive.chain)
        assert stage.stop() == 0
        assert stage.stored("SELECT count(*) FROM entries") == [(0,)]
