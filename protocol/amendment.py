"""What one version of a charter changed against the one before, and the same change made to another version (docs/protocol.md §2.7)."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from protocol.charter import Charter, Halt, Member, Revocation
from protocol.deltas import Digest, Key, Word
from protocol.ids import NodeId

_T = TypeVar("_T")
_Several: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False)]
Changes: TypeAlias = Mapping[str, object]
# As much of a node id as two people compare by telephone.
ID_CHARS: Final = 16


class Amendment(BaseModel):
    """The difference between two versions: what a person decides upon, and what is done again on another tip.

    joined: members that were not listed. altered: as they are listed now. dropped: no longer listed, and not revoked either.
    struck: revocations that are no longer in the charter. policy: the new value of each key, None where it went.
    lifted: the halt that was taken back.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Word | None = None
    joined: _Several[Member] = ()
    altered: _Several[Member] = ()
    dropped: _Several[Key] = ()
    revoked: _Several[Revocation] = ()
    struck: _Several[Revocation] = ()
    admins_in: _Several[Key] = ()
    admins_out: _Several[Key] = ()
    threshold: int | None = None
    constitution: Digest | None = None
    policy: dict[Word, Word | None] = {}
    halt: Halt | None = None
    lifted: Halt | None = None

    @property
    def is_renewal(self) -> bool:
        """Whether nothing changed but the dates."""
        return self == Amendment()

    def on(self, tip: Charter) -> Changes | None:
        """What `Charter.succeed` takes to make this change to `tip`: empty where it is made there already.

        None where it makes no sense any more: no admin would be left, or fewer than must sign.
        """
        members, revoked = self._members(tip), self._revocations(tip)
        admins = tuple(
            one for one in (*tip.admins.ids, *self.admins_in) if one in members and one not in self.admins_out
        )
        threshold = self.threshold or tip.admins.threshold
        distinct = tuple(dict.fromkeys(admins))
        if threshold > len(distinct):
            return None
        wanted: dict[str, object] = {
            "name": self.name or tip.name,
            "members": tuple(members.values()),
            "revoked": revoked,
            "admins": tip.admins.model_copy(update={"ids": distinct, "threshold": threshold}),
            "constitution": self.constitution or tip.constitution,
            "policy": {key: value for key, value in (tip.policy | self.policy).items() if value is not None},
            "halt": self._halt(tip),
        }
        return {field: value for field, value in wanted.items() if value != getattr(tip, field)}

    def words(self, before: Charter) -> list[str]:
        """Each change in a sentence, for a person who is to sign it. before: the version that it is made to."""

        def who(node: str) -> str:
            known = next((one for one in (*self.joined, *self.altered, *before.members) if one.id == node), None)
            return f"{known.name} of {known.owner} ({node[:ID_CHARS]})" if known else node[:ID_CHARS]

        said = [f"the hive is called {self.name}"] if self.name else []
        said += [f"{who(one.id)} joins" + (f", in epoch {one.epoch}" if one.epoch > 1 else "") for one in self.joined]
        said += [sentence for one in self.altered for sentence in _alteration(before.member(NodeId(one.id)), one)]
        said += [f"{who(one)} is no member any more" for one in self.dropped]
        said += [_revocation(who(one.id), one) for one in self.revoked]
        said += [f"the revocation of {who(one.id)} of {one.at} is struck off" for one in self.struck]
        said += [f"{who(one)} becomes an admin" for one in self.admins_in]
        said += [f"{who(one)} is no admin any more" for one in self.admins_out]
        if self.threshold:
            said.append(f"{self.threshold} admins must sign a change, instead of {before.admins.threshold}")
        if self.constitution:
            said.append(
                f"the constitution is {self.constitution[:ID_CHARS]}, instead of {before.constitution[:ID_CHARS]}"
            )
        said += [f"policy: {key} is {value or 'not set any more'}" for key, value in sorted(self.policy.items())]
        if self.halt:
            said.append(f"everything halts until {self.halt.until}: {self.halt.reason}")
        if self.lifted:
            said.append(f"the halt is lifted: {self.lifted.reason}")
        return said or ["nothing but its dates"]

    def _members(self, tip: Charter) -> dict[str, Member]:
        members = {one.id: one for one in tip.members}
        for one in self.joined:
            gone = tip.revocation(NodeId(one.id))
            if one.id in members:
                members[one.id] = _in_later_epoch(members[one.id], one)
            elif gone is None or gone.epoch < one.epoch:  # else it was sent away since, in the epoch that it came in
                members[one.id] = one
        for one in self.altered:
            if one.id in members:
                members[one.id] = _in_later_epoch(one, members[one.id])
        for identity in self.dropped:
            members.pop(identity, None)
        for sent in self.revoked:
            if sent.id in members and members[sent.id].epoch <= sent.epoch:
                del members[sent.id]
        return members

    def _revocations(self, tip: Charter) -> tuple[Revocation, ...]:
        kept = tuple(one for one in tip.revoked if one not in self.struck)
        epochs = {one.id: one.epoch for one in kept} | {one.id: one.epoch - 1 for one in tip.members}
        return kept + tuple(one for one in self.revoked if one.epoch > epochs.get(one.id, 0))

    def _halt(self, tip: Charter) -> Halt | None:
        if self.halt is not None and (tip.halt is None or tip.halt == self.lifted or tip.halt.until < self.halt.until):
            return self.halt
        return None if self.halt is None and tip.halt == self.lifted else tip.halt


def amendment(before: Charter, after: Charter) -> Amendment:
    """What `after` changed against `before`. Order within lists, and dates, are no change."""
    was, became = {one.id: one for one in before.members}, {one.id: one for one in after.members}
    new = [one for one in after.revoked if one not in before.revoked]
    sent = {one.id for one in new}
    old_admins, new_admins = before.admins.ids, after.admins.ids
    policy = {key: after.policy.get(key) for key in before.policy | after.policy}
    return Amendment(
        name=_if_new(before.name, after.name),
        joined=tuple(one for one in after.members if one.id not in was),
        altered=tuple(one for one in after.members if one.id in was and one != was[one.id]),
        dropped=tuple(one for one in was if one not in became and one not in sent),
        revoked=tuple(new),
        struck=tuple(one for one in before.revoked if one not in after.revoked),
        admins_in=_without(new_admins, old_admins),
        admins_out=_without(old_admins, new_admins),
        threshold=_if_new(before.admins.threshold, after.admins.threshold),
        constitution=_if_new(before.constitution, after.constitution),
        policy={key: value for key, value in policy.items() if value != before.policy.get(key)},
        halt=_if_new(before.halt, after.halt),
        lifted=before.halt if before.halt != after.halt else None,
    )


def _if_new(before: _T, after: _T) -> _T | None:
    return after if after != before else None


def _without(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    left_out = set(others)
    return tuple(one for one in some if one not in left_out)


def _in_later_epoch(one: Member, other: Member) -> Member:
    """As `one` is listed, in the higher epoch of the two: an epoch never goes back."""
    return one.model_copy(update={"epoch": max(one.epoch, other.epoch)})


def _alteration(before: Member | None, after: Member) -> list[str]:
    if before is None:
        return []
    who = f"{before.name} of {before.owner} ({before.id[:ID_CHARS]})"
    fields = [
        field for field in ("owner", "name", "epoch", "joined_at") if getattr(before, field) != getattr(after, field)
    ]
    said = [f"{who}: {field} is {getattr(after, field)}, instead of {getattr(before, field)}" for field in fields]
    return said + ([f"{who}: another certificate"] if before.certificate != after.certificate else [])


def _revocation(who: str, sent: Revocation) -> str:
    kept = "; what it said before counts on" if sent.keep_history else "; what it said before leaves the hive's view"
    return f"{who} is sent away after entry {sent.last_seq}: {sent.reason}{kept}"
