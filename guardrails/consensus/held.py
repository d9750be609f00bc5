"""The claims a node holds, indexed by what the fold asks for, and the electorate that says whose count."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from guardrails.consensus.claims import Claim, Offer, Report, Vote, Withdrawal
from guardrails.consensus.location import assumed_liars
from protocol.ids import EntryId, NodeId


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who is heard, as whom, and how many of them may lie.

    owners: node to owner, as the charter lists them; what any other node said does not count. A revoked node whose history
    is kept stays in it. f: how many owners may lie; not negative. unheard: nodes that the charter knows and nobody listens
    to, each with its owner and why.
    """

    owners: Mapping[NodeId, str]
    f: int
    unheard: Mapping[NodeId, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, owners: Mapping[NodeId, str], unheard: Mapping[NodeId, str] | None = None) -> Self:
        """With the f that is assumed of so many owners. unheard: those of `owners` that are not listened to, and why.

        They count among the owners all the same: that one was caught does not make the others honest. Labels that differ
        in case, width or spacing are one owner's, for whom the first of them in order stands.
        """
        silent = unheard or {}
        known = _one_spelling(owners)
        return cls(
            {node: owner for node, owner in known.items() if node not in silent},
            assumed_liars(len(set(known.values()))),
            {node: (known[node], why) for node, why in silent.items() if node in known},
        )


class Held:
    """Every claim once. It only grows: who takes one out builds it anew."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self.offers: dict[EntryId, Offer] = {}
        # Tasks where a recipe named a parent that was not held on the same task: what happens elsewhere may touch them.
        self.crossing: set[str] = set()
        self._claims: dict[EntryId, Claim] = {}
        self._reports: defaultdict[str, list[Report]] = defaultdict(list)
        self._offers: defaultdict[str, list[Offer]] = defaultdict(list)
        self._votes: defaultdict[EntryId, list[Vote]] = defaultdict(list)
        self._withdrawn: set[tuple[EntryId, NodeId]] = set()
        for claim in claims:
            self.add(claim)

    def add(self, claim: Claim) -> bool:
        """Whether it is new. O(1), but for a recipe's parents."""
        if claim.place.id in self._claims:
            return False
        self._claims[claim.place.id] = claim
        match claim:
            case Report():
                self._reports[claim.task].append(claim)
            case Offer():
                self._add_offer(claim)
            case Vote():
                self._votes[claim.recipe].append(claim)
            case _:  # a withdrawal: mypy sees that nothing else is left
                self._withdrawn.add((claim.entry, claim.place.author))
        return True

    def without(self, author: NodeId, after: tuple[int, int] | None) -> "Held":
        """The same less that author's claims, or less those after `after`, its (epoch, seq)."""
        return Held(claim for claim in self._claims.values() if not _is_cut(claim, author, after))

    def task_of(self, claim: Claim) -> str | None:
        """The task a claim speaks of; of a withdrawal, that of the entry, if it is known by now."""
        if not isinstance(claim, Withdrawal):
            return claim.task
        target = self._claims.get(claim.entry)
        return None if target is None or isinstance(target, Withdrawal) else target.task

    def is_withdrawn(self, claim: Claim) -> bool:
        """Whether its own author took it back. Nobody else can, and nothing un-does it."""
        return self.took_back(claim.place.author, claim.place.id)

    def took_back(self, author: NodeId, entry: EntryId) -> bool:
        """Whether that author withdrew an entry of that id, known here or not."""
        return (entry, author) in self._withdrawn

    def tasks(self, electorate: Electorate) -> list[str]:
        """Tasks of which a member reported an experiment or offered a recipe; sorted."""
        heard = electorate.owners
        claims = (claim for claim in self._claims.values() if isinstance(claim, Report | Offer))
        return sorted({claim.task for claim in claims if claim.place.author in heard})

    def reports(self, task: str, electorate: Electorate) -> list[Report]:
        return [one for one in self._reports.get(task, ()) if one.place.author in electorate.owners]

    def left_out(self, task: str, electorate: Electorate) -> tuple[tuple[str, str], ...]:
        """Owners who are not heard, each with why, that said something of this task; sorted."""
        offers = self._offers.get(task, ())
        votes = (vote for offer in offers for vote in self._votes.get(offer.place.id, ()) if vote.task == task)
        authors = {one.place.author for said in (self._reports.get(task, ()), offers, votes) for one in said}
        return tuple(sorted({electorate.unheard[author] for author in authors & electorate.unheard.keys()}))

    def offers_on(self, task: str, electorate: Electorate) -> list[Offer]:
        return [one for one in self._offers.get(task, ()) if one.place.author in electorate.owners]

    def votes(self, offer: Offer, electorate: Electorate) -> list[Vote]:
        """What members said of a recipe, on its own task, and did not take back."""
        votes = (one for one in self._votes.get(offer.place.id, ()) if one.task == offer.task)
        return [one for one in votes if one.place.author in electorate.owners and not self.is_withdrawn(one)]

    def _add_offer(self, offer: Offer) -> None:
        self.offers[offer.place.id] = offer
        self._offers[offer.task].append(offer)
        parents = (self.offers.get(parent) for parent in offer.parents)
        if any(parent is None or parent.task != offer.task for parent in parents):
            self.crossing.add(offer.task)


def _one_spelling(owners: Mapping[NodeId, str]) -> dict[NodeId, str]:
    spellings: dict[str, str] = {}
    for label in sorted(set(owners.values())):
        spellings.setdefault(_folded(label), label)
    return {node: spellings[_folded(label)] for node, label in owners.items()}


def _folded(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _is_cut(claim: Claim, author: NodeId, after: tuple[int, int] | None) -> bool:
    place = claim.place
    return place.author == author and (after is None or (place.epoch, place.seq) > after)
