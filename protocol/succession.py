"""Which of two charters is in force, where a hive has two after one (docs/protocol.md §2.7). Pure, and the same for every node.

A branch is what follows the last version that both sides share. Nobody may win by it what the other branch took away: an admin
that was dismissed could otherwise sign another version on the old one, at leisure, until its digest is small.
"""

from dataclasses import dataclass, replace
from enum import Enum

from protocol.verification import Membership


class Succession(Enum):
    """What becomes of two branches, as one who holds the first sees it."""

    OURS = "ours"
    THEIRS = "theirs"
    CONTESTED = "contested"


@dataclass(frozen=True, slots=True)
class Branch:
    """One or more versions on top of a shared one.

    first: digest of the first of them. vouchers: who signed that one. signers: who signed any. shared: admins of the shared version.
    served: admins of that and of any since. admins, threshold: at the tip. lowest: the shared version's threshold.
    """

    first: str
    vouchers: frozenset[str]
    signers: frozenset[str]
    shared: frozenset[str]
    served: frozenset[str]
    admins: frozenset[str]
    threshold: int
    lowest: int

    @classmethod
    def begin(cls, shared: Membership, first: Membership) -> "Branch":
        """The branch of one version. first: verified on top of `shared`."""
        before, after = shared.charter.admins, first.charter.admins
        signed = _signers(first)
        return cls(
            first.digest,
            signed,
            signed,
            frozenset(before.ids),
            frozenset((*before.ids, *after.ids)),
            frozenset(after.ids),
            after.threshold,
            before.threshold,
        )

    def then(self, following: Membership) -> "Branch":
        """The branch after one more version, verified on top of its tip."""
        admins = following.charter.admins
        return replace(
            self,
            signers=self.signers | _signers(following),
            served=self.served | set(admins.ids),
            admins=frozenset(admins.ids),
            threshold=admins.threshold,
        )

    @property
    def dismissed(self) -> frozenset[str]:
        """Who was an admin where the branch began, or since, and is none at its tip."""
        return self.served - self.admins

    @property
    def is_stricter(self) -> bool:
        """Whether it takes power from somebody who had it in the shared version, or asks for more signatures."""
        return bool(self.shared - self.admins) or self.threshold > self.lowest

    def denies(self, other: "Branch") -> bool:
        """Whether the other was made by people who could not have made it here.

        Somebody signed it whom this branch dismissed; or fewer of this branch's admins vouch for its first version than
        must sign a change here: a threshold that was raised would else be undone from before it was.
        """
        return bool(other.signers & self.dismissed) or len(other.vouchers & self.admins) < self.threshold


def succession(ours: Branch, theirs: Branch) -> Succession:
    """Which branch is in force. Who holds the other comes to the same end, unless each denies the other.

    1. One that the other denies loses.  2. Both do: neither can be told to be right, and what is held stays (contested).
    3. One that is stricter wins: a dismissal in the making is not undone for a moment by a smaller number.
    4. The smaller digest at the first version that differs.
    """
    if ours.denies(theirs) and theirs.denies(ours):
        return Succession.CONTESTED
    if ours.denies(theirs) or theirs.denies(ours):
        return Succession.OURS if ours.denies(theirs) else Succession.THEIRS
    if ours.is_stricter != theirs.is_stricter:
        return Succession.OURS if ours.is_stricter else Succession.THEIRS
    return Succession.OURS if ours.first <= theirs.first else Succession.THEIRS


def _signers(membership: Membership) -> frozenset[str]:
    return frozenset(one.keyid for one in membership.envelope.signatures)
