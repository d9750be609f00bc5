"""The guard at the door. The only place where `InScope` is made: nothing leaves, and nothing received is believed,
without it.

Fails closed: what cannot be judged is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, NoReturn, Protocol, Self, TypeVar, final

from guardrails.scope.documents import write_down
from guardrails.scope.engine import Seeker
from guardrails.scope.fields import LEAST_LEVEL, FieldTree, FieldType, field_tree
from guardrails.scope.findings import Finding, TreeFinding
from guardrails.scope.local import LocalFacts
from guardrails.scope.pages import Seen
from guardrails.scope.redaction import keep, redact, tree_findings
from guardrails.scope.views import View
from guardrails.verdict import Refused
from protocol.deltas import ShareLevel
from protocol.wire import JsonValue, parse_object

T_co = TypeVar("T_co", covariant=True)

# Redacting a doubtful finding in free text costs a word; refusing code for it costs the recipe. Confidence decides
# which is worth it.
REFUSES_AT: Final = 0.6
# Free text can lose a stretch and still be what it was; code, paths, words and keys cannot.
_REDACTABLE: Final[frozenset[FieldType]] = frozenset({"text"})
# More places than this tell a person nothing more.
_SHOWN: Final = 20
_SEAL: Final = object()


class Outgoing(Protocol):
    """What the guard must be able to do with something that would leave."""

    @property
    def kind(self) -> str:
        """Which fields it may have."""

    def payload(self) -> bytes:
        """Exactly the bytes that will be signed: JSON, an object."""

    def with_tree(self, tree: JsonValue) -> Self:
        """The same, saying `tree` instead. Raises ValueError where that is none of its kind."""


class Incoming(Protocol):
    """What the guard must be able to do with something that arrived and was verified."""

    def tree(self) -> JsonValue:
        """The signed bytes as JSON."""


D = TypeVar("D", bound=Outgoing)
V = TypeVar("V", bound=Incoming)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken out before something left: kinds and places, never values. Stays on this machine, and is shown
    to its user.

    redacted: findings that were replaced by a word. dropped: places under which members stood that are on no list.
    """

    redacted: tuple[TreeFinding, ...] = ()
    dropped: tuple[str, ...] = ()


@final
class InScope(Generic[T_co]):
    """Something that the scope guard let pass. Holding one is the proof; only the guard can make it."""

    __slots__ = ("_receipt", "_value")

    def __init__(self, value: T_co, receipt: Receipt, seal: object) -> None:
        """Raises TypeError without the guard's own seal."""
        if seal is not _SEAL:
            raise TypeError("only the scope guard puts something in scope")
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_receipt", receipt)

    @property
    def value(self) -> T_co:
        """What passed: the very object that was scanned, or its redacted form."""
        value: T_co = object.__getattribute__(self, "_value")
        return value

    @property
    def receipt(self) -> Receipt:
        """What was taken out on the way."""
        receipt: Receipt = object.__getattribute__(self, "_receipt")
        return receipt

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("what is in scope does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("what is in scope does not change")

    def __reduce__(self) -> NoReturn:
        raise TypeError("what is in scope is not copied or stored as such: it is checked again")

    def __repr__(self) -> str:
        return f"InScope({type(self.value).__name__}, redacted={len(self.receipt.redacted)})"


class Scanner(Protocol):
    """What finds: an `Engine`, or what stands for one."""

    def scan(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `Engine.scan`."""

    def scan_joined(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `Engine.scan_joined`."""


class ScopeGuard:
    """Judges what would leave this machine and what arrived.

    Keeps nothing between calls but the facts it goes by; may be called from several threads.
    """

    def __init__(self, engine: Scanner, local: LocalFacts) -> None:
        self._engine = engine
        self._local = local

    def know(self, local: LocalFacts) -> None:
        """Go by these names and secrets from here on: a project was added, or a setting changed."""
        self._local = local

    def check_outgoing(self, delta: D, level: ShareLevel) -> InScope[D] | Refused:
        """The delta, less what may not leave; or why it stays.

        level: the project's own, from its `hive.toml`. Rules: scope.level, scope.kind, scope.secret, scope.personal,
        scope.broken-by-redaction, scope.residue, scope.cannot-run.
        """
        try:
            return self._outgoing(delta, level)
        except Exception as error:  # noqa: BLE001  the one boundary: a guard that cannot run refuses
            return _cannot_run(error)

    def check_incoming(self, verified: V) -> InScope[V] | Refused:
        """What arrived, if it holds neither secrets nor personal data. Rules: scope.incoming-secret,
        scope.incoming-personal,
        scope.cannot-run."""
        try:
            tree = verified.tree()
            seen = self._seen(tree, field_tree(_kind_of(tree)))
            # As the sender's own guard judged: an honest delta that it let pass is not refused here.
            found = [one for one in seen if one.leaf.held in _REDACTABLE or one.finding.confidence >= REFUSES_AT]
            if found:
                return _refused("scope.incoming-secret", "scope.incoming-personal", found)
            return InScope(verified, Receipt(), _SEAL)
        except Exception as error:  # noqa: BLE001  the one boundary, as above
            return _cannot_run(error)

    def scan_text(self, text: str) -> list[Finding]:
        """Every secret and personal datum in a text, in order, none overlapping another."""
        return self._engine.scan(text, (self._local,))

    def scan_tree(self, tree: JsonValue) -> list[TreeFinding]:
        """The same for a JSON tree of no known kind: every key, string, number and item at every depth."""
        return tree_findings(self._seen(tree, {}))

    def _outgoing(self, delta: D, level: ShareLevel) -> InScope[D] | Refused:
        least = LEAST_LEVEL.get(delta.kind)
        if least is None or not level.allows(least):
            return Refused("scope.level", f"the project's share level '{level}' does not let this kind of delta leave")
        tree = parse_object(delta.payload())
        if tree.get("kind") != delta.kind:
            return Refused("scope.kind", "the delta and its bytes name different kinds", ("/kind",))
        fields = field_tree(delta.kind)
        kept, dropped = keep(tree, fields)
        seen = self._seen(kept, fields)
        refusing, redacted = _parted(seen)
        if refusing:
            return _refused("scope.secret", "scope.personal", refusing)
        if not redacted and not dropped:
            return InScope(delta, Receipt(), _SEAL)
        receipt = Receipt(tuple(tree_findings(redacted)), dropped)
        return self._changed(delta, redact(kept, redacted), fields, receipt)

    def _changed(self, delta: D, tree: JsonValue, fields: FieldTree, receipt: Receipt) -> InScope[D] | Refused:
        try:
            changed = delta.with_tree(tree)
        except ValueError:
            return Refused(
                "scope.broken-by-redaction", "without what may not leave it is no delta any more", receipt.dropped
            )
        kept, dropped = keep(parse_object(changed.payload()), fields)
        refusing, residue = _parted(self._seen(kept, fields))
        if refusing or residue or dropped:
            return Refused(
                "scope.residue", "something is left after redaction", (*_places([*refusing, *residue]), *dropped)
            )
        return InScope(changed, receipt, _SEAL)

    def _seen(self, tree: JsonValue, fields: FieldTree) -> list[Seen]:
        document = write_down(tree, fields)
        readable = self._engine.scan(document.readable.text, (self._local,))
        joined = self._engine.scan_joined(document.joined.text, (self._local,))
        exact = self._local.find_secrets(View(document.exact.text))
        return [
            *document.readable.leaf_findings(readable),
            *document.joined.leaf_findings(joined, over=2),  # the rest was seen where it stands
            *document.exact.leaf_findings(exact),
        ]


def _parted(seen: Sequence[Seen]) -> tuple[list[Seen], list[Seen]]:
    """What refuses, and what is redacted. A doubtful finding outside free text does neither."""
    redacted = [one for one in seen if one.leaf.part == "value" and one.leaf.held in _REDACTABLE]
    refusing = [one for one in seen if one not in redacted and one.finding.confidence >= REFUSES_AT]
    return refusing, redacted


def _refused(secret_rule: str, personal_rule: str, seen: Sequence[Seen]) -> Refused:
    is_secret = any(one.finding.kind == "secret" for one in seen)
    rule, what = (secret_rule, "a secret") if is_secret else (personal_rule, "personal data")
    return Refused(rule, f"it holds {what} where nothing can be taken out", _places(seen))


def _places(seen: Sequence[Seen]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, tree_findings(seen))))[:_SHOWN]


def _kind_of(tree: JsonValue) -> str:
    return str(tree.get("kind")) if isinstance(tree, dict) else ""


def _cannot_run(error: Exception) -> Refused:
    # The type alone: a message may quote what was being looked at.
    return Refused("scope.cannot-run", f"the scope guard could not judge it ({type(error).__name__})")
