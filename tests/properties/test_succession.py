"""Two charters after one: whoever holds which, and in whatever order they meet, the same one is in force in the end."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol.amendment import Amendment, amendment
from protocol.charter import Charter, Halt, stamp
from protocol.errors import RemoteProtocolError
from protocol.succession import Branch, Succession, succession
from tests.fakes.hive import NOW, FakeHive, FakeNode, admins

ADMINS = tuple(FakeNode(seed) for seed in ("ada", "bo", "cy", "di"))
OTHERS = tuple(FakeNode(seed) for seed in ("eve", "flo"))
EVERYBODY = (*ADMINS, *OTHERS)
ONE = FakeHive.found(*EVERYBODY, admins=admins(*ADMINS))
TWO = FakeHive.found(*EVERYBODY, signers=ADMINS[:2], admins=admins(*ADMINS, threshold=2))
MIRROR = {
    Succession.OURS: Succession.THEIRS,
    Succession.THEIRS: Succession.OURS,
    Succession.CONTESTED: Succession.CONTESTED,
}

# One step: which admins sign, what is done, to whom, and a name that moves the digest.
steps = st.tuples(
    st.sets(st.integers(0, 3), min_size=2, max_size=3),
    st.sampled_from(["rename", "rename", "dismiss", "appoint", "threshold"]),
    st.sampled_from(EVERYBODY),
    st.integers(0, 50),
)
lines = st.lists(steps, min_size=1, max_size=3)


def step(hive: FakeHive, signers: set[int], act: str, whom: FakeNode, number: int) -> FakeHive:
    """The hive after it, or as it was where it is not allowed."""
    charter = hive.membership.charter
    seats = [node for node in EVERYBODY if node.id in charter.admins.ids]
    threshold = charter.admins.threshold
    at_the_desk = [node for number, node in enumerate(seats) if number in signers or len(seats) <= threshold]
    asked = 1 + number % 3 if act == "threshold" else 1
    changes: dict[str, Any] = {"name": f"name {number}"}
    if act == "dismiss":
        changes["admins"] = lambda: admins(*(one for one in seats if one != whom), threshold=threshold)
    elif act == "appoint":
        changes["admins"] = lambda: admins(*dict.fromkeys([*seats, whom]), threshold=threshold)
    elif act == "threshold":
        changes["admins"] = lambda: admins(*seats, threshold=asked)
    try:
        made = {key: value() if callable(value) else value for key, value in changes.items()}
        return hive.amend(*at_the_desk[: max(threshold, asked)], **made)
    except (RemoteProtocolError, ValueError):
        return hive


def grown(hive: FakeHive, line: Sequence[Any]) -> list[FakeHive]:
    """Every version from `hive` on."""
    versions = [hive]
    for one in line:
        after = step(versions[-1], *one)
        if after is not versions[-1]:
            versions.append(after)
    return versions


def branches(one: list[FakeHive], other: list[FakeHive]) -> tuple[Branch, Branch] | None:
    """Both sides of a fork; None where one goes on from the other."""
    shared = 0
    while shared < min(len(one), len(other)) and one[shared].membership.digest == other[shared].membership.digest:
        shared += 1
    if shared in {len(one), len(other)}:
        return None
    return _branch(one, shared), _branch(other, shared)


def _branch(line: list[FakeHive], shared: int) -> Branch:
    found = Branch.begin(line[shared - 1].membership, line[shared].membership)
    for later in line[shared + 1 :]:
        found = found.then(later.membership)
    return found


@settings(max_examples=60)
@given(st.sampled_from([ONE, TWO]), lines, lines)
def test_both_sides_of_a_fork_come_to_one_end(hive: FakeHive, one: list[Any], other: list[Any]) -> None:
    sides = branches(grown(hive, one), grown(hive, other))
    assume(sides is not None)
    assert sides is not None
    assert succession(*sides) is MIRROR[succession(*reversed(sides))]


@settings(max_examples=40)
@given(st.sampled_from([ONE, TWO]), st.lists(lines, min_size=2, max_size=4), st.integers(0, 2**20))
def test_any_number_of_nodes_that_deny_nobody_agree_whoever_meets_whom(
    hive: FakeHive, stories: list[list[Any]], seed: int
) -> None:
    versions = [grown(hive, one) for one in stories]
    every = [branches(a, b) for a in versions for b in versions if a is not b]
    assume(not any(pair and (pair[0].denies(pair[1]) or pair[1].denies(pair[0])) for pair in every))

    ends = {tuple(one.membership.digest for one in gossip(versions, order)[0]) for order in (seed, seed + 1, seed + 2)}

    assert len(ends) == 1


def gossip(versions: list[list[FakeHive]], seed: int) -> list[list[FakeHive]]:
    """Nodes that meet in pairs, until nobody changes any more; each holds one line. Fails where they do not agree."""
    chance, held = random.Random(seed), list(versions)
    for _ in range(400):
        a, b = chance.sample(range(len(held)), 2)
        sides = branches(held[a], held[b])
        if sides is None:
            held[a] = held[b] = max(held[a], held[b], key=len)
        elif succession(*sides) is Succession.THEIRS:
            held[a] = held[b]
        else:
            held[b] = held[a]
    assert len({one[-1].membership.digest for one in held}) == 1
    return held


@settings(max_examples=40)
@given(lines, st.lists(st.integers(0, 10**6), min_size=1, max_size=3))
def test_an_admin_that_was_dismissed_changes_nothing_however_long_it_grinds(line: list[Any], names: list[int]) -> None:
    """The long-range attack: another version on the old one, signed with the old key, its digest as small as one likes."""
    eve = ADMINS[0]
    ours = grown(ONE, [({1}, "dismiss", eve, 1), *line])
    assume(eve.id not in ours[-1].membership.charter.admins.ids)
    theirs = grown(ONE, [({0}, "rename", eve, number) for number in names])
    mine, forged = branches(ours, theirs) or (None, None)
    assert mine is not None
    assert forged is not None

    ground = replace(forged, first="0" * 64)

    assert succession(mine, ground) is Succession.OURS
    assert succession(ground, mine) is Succession.THEIRS


def test_a_threshold_that_was_raised_is_not_undone_from_before_it_was() -> None:
    """One rogue of two admins, still an admin, signs alone on the version in which one signature was enough."""
    ada, bo = ADMINS[:2]
    ours = [ONE, ONE.amend(ada, bo, admins=admins(ada, bo, threshold=2))]
    theirs = [ONE, ONE.amend(ada, name="mine alone")]
    mine, forged = branches(ours, theirs) or (None, None)
    assert mine is not None
    assert forged is not None

    assert succession(mine, replace(forged, first="0" * 64)) is Succession.OURS
    assert succession(replace(forged, first="0" * 64), mine) is Succession.THEIRS


def test_two_that_dismiss_each_other_are_left_to_people() -> None:
    ada, bo = ADMINS[:2]
    rest = ADMINS[2:]
    sides = branches(
        [ONE, ONE.amend(ada, admins=admins(ada, *rest))],
        [ONE, ONE.amend(bo, admins=admins(bo, *rest))],
    )
    assert sides is not None
    assert succession(*sides) is Succession.CONTESTED


def test_a_dismissal_in_the_making_is_not_undone_for_a_moment_by_a_smaller_number() -> None:
    """In that moment the dismissed one could sign on top of it."""
    ada, bo, cy, _di = ADMINS
    sides = branches([ONE, ONE.amend(ada, admins=admins(ada, cy))], [ONE, ONE.amend(cy, name="x")])
    assert sides is not None
    assert succession(sides[0], replace(sides[1], first="0" * 64)) is Succession.OURS
    assert bo.id in sides[0].dismissed


# --- the same change, on another version -----------------------------------------------------------------------------------


def said(charter: Charter) -> dict[str, Any]:
    """A charter but for its place, dates and the order of its lists."""
    tree = charter.model_dump(exclude={"hive", "version", "previous", "issued_at", "expires_at"})
    tree["members"] = {one["id"]: one for one in tree["members"]}
    return tree | {"admins": (set(tree["admins"]["ids"]), tree["admins"]["threshold"])}


changes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b"]),
        "policy": st.dictionaries(st.sampled_from(["join", "x"]), st.sampled_from(["approve", "y"])),
        "halt": st.none() | st.just(Halt(reason="x", at=stamp(NOW), until=stamp(NOW.replace(year=2027)))),
        "constitution": st.sampled_from(["a" * 64, "b" * 64]),
        "members": st.sets(st.sampled_from(EVERYBODY)).map(
            lambda more: tuple(one.member(epoch=1 + (one.seed == "eve")) for one in dict.fromkeys([*ADMINS[:2], *more]))
        ),
        "admins": st.sets(st.sampled_from(ADMINS[:2]), min_size=1).map(lambda seats: admins(*seats)),
    },
)
BASE = FakeHive.found(*ADMINS[:2], OTHERS[0], policy={"x": "z"}, halt=Halt(reason="h", at=stamp(NOW), until=stamp(NOW)))


@settings(max_examples=50)
@given(changes)
def test_a_change_made_again_where_it_was_made_gives_what_it_gave_and_then_nothing(made: dict[str, Any]) -> None:
    before = BASE.membership.charter
    after = BASE.successor(**made)
    change = amendment(before, after)

    again = change.on(before)
    assert again is not None
    assert said(BASE.successor(**again)) == said(after)
    assert change.on(after) == {}
    assert change.is_renewal == (said(before) == said(after))
    assert Amendment.model_validate_json(change.model_dump_json()) == change
    assert change.words(before)


@settings(max_examples=50)
@given(changes, changes)
def test_any_change_lands_on_any_other_tip_or_says_that_it_makes_no_sense(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    tip = BASE.successor(**other)
    found = amendment(BASE.membership.charter, BASE.successor(**one)).on(tip)
    if found is not None:
        landed = BASE.successor(**(dict(other) | dict(found)))
        assert all(one.epoch >= (tip.member(one.id) or one).epoch for one in landed.members)  # type: ignore[arg-type]


def test_who_was_sent_away_since_does_not_come_back_by_a_change_made_elsewhere() -> None:
    bo = ADMINS[1]
    joined = amendment(
        ONE.membership.charter, ONE.successor(members=[*ONE.membership.charter.members, FakeNode("gus").member()])
    )
    gus = FakeNode("gus")
    tip = ONE.successor(revoked=[gus.revocation(3)])
    assert joined.on(tip) == {}

    raised = [one if one.id != bo.id else bo.member(epoch=2) for one in ONE.membership.charter.members]
    gone = [one for one in ONE.membership.charter.members if one.id != bo.id]
    altered = amendment(ONE.membership.charter, ONE.successor(members=raised))
    without = admins(*(one for one in ADMINS if one is not bo))
    assert altered.on(ONE.successor(members=gone, revoked=[bo.revocation(3)], admins=without)) == {}


def test_a_change_that_would_leave_too_few_admins_makes_no_sense() -> None:
    ada, bo, *_ = ADMINS
    base = FakeHive.found(ada, bo, admins=admins(ada, bo))
    dismissing = amendment(base.membership.charter, base.successor(admins=admins(ada)))

    assert dismissing.on(base.successor(admins=admins(bo))) is None
    assert (
        amendment(base.membership.charter, base.successor(admins=admins(ada, bo, threshold=2))).on(
            base.successor(admins=admins(bo))
        )
        is None
    )
