"""What the hive believes of each recipe: who measured it again, what they found, and whether it stands.

The author's claim is the hypothesis; evidence for it is what other owners measured. So the author's owner has a say in the
gain, and none in the vote: neither the author nor another node of the same person confirms or refutes it.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from guardrails.consensus.claims import Evidence, Offer, Vote, newest
from guardrails.consensus.held import Electorate, Held
from guardrails.consensus.location import Figure, Unknown, conservative_bound, merge_e_values, robust_location
from protocol.ids import EntryId, NodeId
from protocol.wire import JsonValue

RecipeStanding: TypeAlias = Literal["corroborated", "open", "refuted", "retracted"]
_ORDER: Final[tuple[RecipeStanding, ...]] = ("corroborated", "open", "refuted", "retracted")
# A node that found both on its two machines has found that it does not hold.
_STRONGEST_FIRST: Final = ("refuted", "confirmed", "inapplicable")


@dataclass(frozen=True, slots=True)
class RecipeBelief:
    """One recipe, as the hive sees it; its edits are in the store under `id`.

    confirmed_by, refuted_by, inapplicable_for: owners other than the author's, sorted.
    gain: over the author's claim and every measured replication, one an owner. lower: what owners' lower bounds support
    (see `conservative_bound`); something to order by, not a figure. e_value: merged over the owners that measured again.
    earlier: what its author says to have gained before it, by its own recipes among the parents. A claim: it says whether
    a trial may be worth while, and nothing else.
    standing: corroborated or refuted where f + 1 owners say so and, in a dispute, more than say the opposite (a tie refutes).
    fell_with: the retracted or refuted recipe that this one builds on and whose standing it shares; else None.
    """

    id: EntryId
    author: NodeId
    owner: str
    project: str
    operator: str
    confirmed_by: tuple[str, ...]
    refuted_by: tuple[str, ...]
    inapplicable_for: tuple[str, ...]
    gain: Figure | Unknown
    lower: float
    earlier: float
    e_value: float | None
    standing: RecipeStanding
    fell_with: EntryId | None

    @property
    def is_corroborated(self) -> bool:
        """Whether f + 1 owners other than the author's confirmed it, and nothing it builds on fell."""
        return self.standing == "corroborated"

    @property
    def is_suggested(self) -> bool:
        """Whether a node that has this task would be right to try it."""
        return self.standing in {"corroborated", "open"}

    def tree(self) -> dict[str, JsonValue]:
        """As JSON."""
        return {
            "id": self.id,
            "author": self.author,
            "owner": self.owner,
            "project": self.project,
            "operator": self.operator,
            "confirmed_by": list(self.confirmed_by),
            "refuted_by": list(self.refuted_by),
            "inapplicable_for": list(self.inapplicable_for),
            "gain": self.gain.tree(),
            "lower": self.lower,
            "earlier": self.earlier,
            "e_value": self.e_value,
            "standing": self.standing,
            "fell_with": self.fell_with,
        }


@dataclass(frozen=True, slots=True)
class _Tally:
    owner: str
    opinions: Mapping[str, str]
    evidence: Mapping[str, list[Evidence]]

    def owners(self, opinion: str) -> tuple[str, ...]:
        return tuple(sorted(owner for owner, held in self.opinions.items() if held == opinion))


def believe_recipes(held: Held, task: str, electorate: Electorate) -> tuple[RecipeBelief, ...]:
    """Every recipe on a task, the ones most worth trying first."""
    offers = held.offers_on(task, electorate)
    family = _family(held, offers, electorate)
    tallies = {id_: _tally(held, offer, electorate) for id_, offer in family.items()}
    own = {id_: _own_standing(held, offer, tallies[id_], electorate.f) for id_, offer in family.items()}
    fell_with = _falls(family, own)
    beliefs = []
    for offer in offers:
        id_ = offer.place.id
        standing = _standing(id_, own, fell_with)
        beliefs.append(_belief(offer, tallies[id_], standing, _earlier(offer, family), electorate.f))
    return _in_turns(beliefs, electorate.f)


def _family(held: Held, offers: Iterable[Offer], electorate: Electorate) -> dict[EntryId, Offer]:
    # Ancestors on other tasks too: an evaluator may change in the middle of a lineage. An unknown parent is no fault.
    family: dict[EntryId, Offer] = {}
    open_ = list(offers)
    while open_:
        offer = open_.pop()
        if offer.place.id not in family and offer.place.author in electorate.owners:
            family[offer.place.id] = offer
            open_.extend(held.offers[parent] for parent in offer.parents if parent in held.offers)
    return family


def _tally(held: Held, offer: Offer, electorate: Electorate) -> _Tally:
    author_owner = electorate.owners[offer.place.author]
    evidence: defaultdict[str, list[Evidence]] = defaultdict(list, {author_owner: [offer.evidence]})
    by_owner: defaultdict[str, list[Vote]] = defaultdict(list)
    # Where it could not be applied later on, nothing is taken back of what was measured before.
    votes = held.votes(offer, electorate)
    for vote in newest(((vote.place.author, vote.outcome == "inapplicable"), vote) for vote in votes):
        owner = electorate.owners[vote.place.author]
        by_owner[owner].append(vote)
        if vote.evidence:
            evidence[owner].append(vote.evidence)
    opinions = {owner: _opinion(votes) for owner, votes in by_owner.items() if owner != author_owner}
    return _Tally(author_owner, opinions, evidence)


def _opinion(votes: list[Vote]) -> str:
    outcomes = {vote.outcome for vote in votes}
    return next(outcome for outcome in _STRONGEST_FIRST if outcome in outcomes)


def _own_standing(held: Held, offer: Offer, tally: _Tally, f: int) -> RecipeStanding:
    # f + 1 owners: at least one of them is honest.
    confirmed, refuted = len(tally.owners("confirmed")), len(tally.owners("refuted"))
    if held.is_withdrawn(offer):
        return "retracted"
    if refuted > f and refuted >= confirmed:
        return "refuted"
    return "corroborated" if confirmed > f else "open"


def _falls(family: Mapping[EntryId, Offer], own: Mapping[EntryId, RecipeStanding]) -> dict[EntryId, EntryId]:
    """Which fallen recipe takes each of its descendants with it. One walk: a hostile lineage costs its edges once."""
    children: defaultdict[EntryId, list[EntryId]] = defaultdict(list)
    for id_, offer in family.items():
        for parent in offer.parents:
            children[parent].append(id_)
    fell_with: dict[EntryId, EntryId] = {}
    for standing in ("retracted", "refuted"):
        for root in sorted(id_ for id_ in family if own[id_] == standing):
            open_ = list(children[root])
            while open_:
                child = open_.pop()
                if child not in fell_with:
                    fell_with[child] = root
                    open_.extend(children[child])
    return fell_with


def _standing(
    id_: EntryId, own: Mapping[EntryId, RecipeStanding], fell_with: Mapping[EntryId, EntryId]
) -> tuple[RecipeStanding, EntryId | None]:
    root = fell_with.get(id_)
    if root is None or own[id_] in {"refuted", "retracted"}:
        return own[id_], None
    return own[root], root


def _earlier(offer: Offer, family: Mapping[EntryId, Offer]) -> float:
    # Another author's parent was adopted in a step of this author's own, whose gain holds what it brought.
    own = (family[parent] for parent in offer.parents if parent in family)
    return math.fsum(
        one.evidence.gain for one in own if (one.place.author, one.task) == (offer.place.author, offer.task)
    )


def _belief(
    offer: Offer, tally: _Tally, standing: tuple[RecipeStanding, EntryId | None], earlier: float, f: int
) -> RecipeBelief:
    lowers = [min(one.lower for one in found) for found in tally.evidence.values()]
    return RecipeBelief(
        id=offer.place.id,
        author=offer.place.author,
        owner=tally.owner,
        project=offer.project,
        operator=offer.operator,
        confirmed_by=tally.owners("confirmed"),
        refuted_by=tally.owners("refuted"),
        inapplicable_for=tally.owners("inapplicable"),
        gain=robust_location(_gains(tally), f),
        lower=conservative_bound(lowers, f),
        earlier=earlier,
        e_value=merge_e_values(_e_values(tally), f),
        standing=standing[0],
        fell_with=standing[1],
    )


def _gains(tally: _Tally) -> dict[str, float]:
    return {owner: statistics.median(one.gain for one in found) for owner, found in tally.evidence.items()}


def _e_values(tally: _Tally) -> dict[str, float]:
    # The author published because its e-value was large: given that, it is none. One owner's average into one.
    result = {}
    for owner in tally.opinions:
        found = {
            str(at): one.e_value for at, one in enumerate(tally.evidence.get(owner, ())) if one.e_value is not None
        }
        merged = merge_e_values(found, 0)
        if merged is not None:
            result[owner] = merged
    return result


def _in_turns(beliefs: list[RecipeBelief], f: int) -> tuple[RecipeBelief, ...]:
    """Corroborated first, best lower bound first; then the others, owners taking turns, of each the one that leads farthest.

    Without the turns one owner with a thousand boasts would stand before everybody's first recipe; each of its recipes that
    was refuted, or was of no use to f + 1 others, has had its turn. The last of a lineage leads farthest, and holds what its author found before it.
    """
    turns: Counter[tuple[str, str]] = Counter((one.owner, "open") for one in beliefs if _had_its_turn(one, f))
    ranked: list[tuple[int, int, float, str, RecipeBelief]] = []
    for belief in sorted(beliefs, key=lambda one: (-_bound(one), one.id)):
        turn = 0 if belief.is_corroborated else turns[belief.owner, belief.standing]
        turns[belief.owner, belief.standing] += 1
        ranked.append((_ORDER.index(belief.standing), turn, -_bound(belief), belief.id, belief))
    return tuple(entry[4] for entry in sorted(ranked, key=lambda entry: entry[:4]))


def _had_its_turn(belief: RecipeBelief, f: int) -> bool:
    return belief.standing == "refuted" or len(belief.inapplicable_for) > f


def _bound(belief: RecipeBelief) -> float:
    # What others confirmed is ordered by what they measured, without its author's word for the steps before.
    return belief.lower if belief.is_corroborated else belief.lower + belief.earlier
