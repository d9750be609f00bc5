"""The engine: rules and layers built once, then any text to findings in time linear in its length.

One pass of a multi-pattern prefilter names the detectors and decoders that could have something to say; each of those
runs its linear-time regex; validators judge the spans; what decoders read goes round again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from guardrails.scope.assignments import AssignmentDetector
from guardrails.scope.bare import BareDetector
from guardrails.scope.called import detector_of
from guardrails.scope.catalogue import Rule, digest_of_source, load_rules, pack, unpack
from guardrails.scope.decoders import DECODERS, DEPTH, budget_of, decode
from guardrails.scope.detectors import Detector
from guardrails.scope.findings import TOLD_AT, Finding, settle
from guardrails.scope.identity.cells import UNTOLD, CellDetector
from guardrails.scope.identity.labelled import LabelledDetector
from guardrails.scope.identity.labels import Prepared, prepared
from guardrails.scope.marked import MarkedDetector
from guardrails.scope.normalise import normalise
from guardrails.scope.phrases import PhraseDetector
from guardrails.scope.prefilter import Backend, Pattern, Prefilter, Saved
from guardrails.scope.stretches import ConfinedDecoder, Seen, at_source, find_in, seen_in
from guardrails.scope.views import View
from guardrails.scope.wrapping import Wrapping

_OVER_BUDGET = "decoders.over-budget"


class Seeker(Protocol):
    """Finds what no rule can know: the names and secrets of one machine."""

    def find(self, view: View) -> Iterable[Finding]:
        """What it finds, at offsets of the view."""


class Engine:
    """Rules ready to run. Immutable after its construction; scans may run in several threads at once.

    saved: from a fingerprint to what was saved under it on this machine; spares compiling.
    Raises ValueError for a rule that cannot work, ImportError for a backend that was asked for and does not load.
    """

    def __init__(self, rules: Sequence[Rule], backend: Backend | None = None, saved: Saved | None = None) -> None:
        layers = (PhraseDetector(), AssignmentDetector(), BareDetector(), MarkedDetector())
        labels = Labels(saved)  # not kept: it holds all that was saved
        guesses = [rule for rule in rules if rule.confidence < TOLD_AT]
        self._guesses: tuple[Detector, ...] = tuple(detectors_of(guesses, labels))
        self._guessing = Prefilter(self._guesses, backend, saved)
        sure = [rule for rule in rules if rule.confidence >= TOLD_AT]
        self._detectors: tuple[Detector, ...] = (*detectors_of(sure, labels), *layers)
        self._lexicons = labels.made
        self._wrapping = Wrapping()
        self._patterns: tuple[Pattern, ...] = (*self._detectors, *DECODERS, self._wrapping)
        self._decoders = dict(enumerate(DECODERS, len(self._detectors)))
        self._wrapped = len(self._patterns) - 1
        self._prefilter = Prefilter(self._patterns, backend, saved)

    @property
    def backend(self) -> Backend:
        """Which rung the prefilter stands on: both find the same."""
        return self._prefilter.backend

    def to_save(self) -> Mapping[str, bytes]:
        """What the next construction is spared by, under its fingerprint."""
        lexicons = {name: json.dumps(known).encode("ascii") for name, known in self._lexicons.items()}
        return {**self._prefilter.to_save(), **self._guessing.to_save(), **lexicons}

    def scan(self, text: str, seekers: Sequence[Seeker] = (), least: float = 0.0) -> list[Finding]:
        """Every secret and personal datum in `text`, in order, none overlapping another. Offsets are characters of
        `text`.

        least: what is less sure is left out, and not looked for where its rule is never as sure.
        """
        found = settle(self._raw_findings(normalise(text), seekers, guesses=least < TOLD_AT))
        return [one for one in found if one.confidence >= least]

    def scan_joined(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `scan`, by the rules alone that stay sure in a text which was put together on a suspicion."""
        if not text:
            return []  # most deltas have nothing to join
        view = normalise(text, joined=True)
        found = (*self._run_joined(view), *at_source(_sought(seekers, view), view))
        return settle(found)

    def _raw_findings(self, root: View, seekers: Sequence[Seeker], *, guesses: bool) -> Iterator[Finding]:
        view: View | None = root
        budget = budget_of(root.text)
        for _ in range(DEPTH + 1):
            if view is None:
                return
            seen = seen_in(view, self._prefilter)
            yield from self._found(view, seen)
            if guesses:
                for index, spans in seen_in(view, self._guessing).items():
                    yield from find_in(view, self._guesses[index], spans)
            yield from at_source(_sought(seekers, view), view)
            decoders = [ConfinedDecoder(part, seen[index]) for index, part in self._decoders.items() if index in seen]
            if not decoders:
                return
            view, stopped = decode(outer := view, decoders, budget)
            if stopped is not None:
                # Whoever hides this much means to hide it: fail closed.
                yield from at_source([Finding("secret", "encoded", _OVER_BUDGET, stopped, stopped + 1, 1.0)], outer)
            budget -= len(view.text) if view else 0

    def _found(self, view: View, seen: Seen) -> Iterator[Finding]:
        """What detectors find in the view, and in its lines where those may be broken inside a token."""
        for index, spans in seen.items():
            if index < len(self._detectors):
                yield from find_in(view, self._detectors[index], spans)
        for start, end in seen.get(self._wrapped, ()):
            yield from self._run_joined(self._wrapping.unwrap(view.part(start, end)))

    def _run_joined(self, view: View) -> Iterator[Finding]:
        for index, spans in seen_in(view, self._prefilter).items():
            if index < len(self._detectors) and self._detectors[index].joinable:
                yield from find_in(view, self._detectors[index], spans)


class Labels:
    """What lexicons are made of: of `saved`, where that has it.

    made: by their fingerprints.
    """

    def __init__(self, saved: Saved | None = None) -> None:
        self._saved = saved
        self.made: dict[str, Prepared] = {}

    def known(self, labels: Sequence[Sequence[str]]) -> Prepared:
        """Of those of each rule, in the order of the rules."""
        name = hashlib.sha256(f"{digest_of_source()} {json.dumps(labels)}".encode()).hexdigest()
        packed = self._saved(name) if self._saved is not None else None
        known = self.made[name] = Prepared(*json.loads(packed)) if packed else prepared(labels)
        return known


def detectors_of(rules: Sequence[Rule], labels: Labels) -> Iterator[Detector]:
    """One detector a rule, one for all that want a label, and one for labels whose value is not beside them."""
    yield from (detector_of(rule) for rule in rules if not rule.labels)
    if labelled := [rule for rule in rules if rule.labels]:
        yield LabelledDetector(labelled, labels.known([rule.labels for rule in labelled]))
    if called := [rule for rule in rules if rule.called and rule.entity != UNTOLD]:
        heads = [[head.replace(" ", "_") for head in rule.heads] for rule in called]
        yield CellDetector(called, labels.known(heads))


def _sought(seekers: Sequence[Seeker], view: View) -> Iterator[Finding]:
    for seeker in seekers:
        yield from seeker.find(view)


_SHARED: Final[list[Engine]] = []


def default_engine(saved: Saved | None = None) -> Engine:
    """The engine over the package's own rules, built at the first call and kept as long as the process lives.

    saved: as for `build_engine`.
    """
    if not _SHARED:
        _SHARED.append(build_engine(saved))
    return _SHARED[0]


def shared_engine() -> Engine | None:
    """What `default_engine` built, if it was asked."""
    return _SHARED[0] if _SHARED else None


def build_engine(saved: Saved | None = None) -> Engine:
    """The same for whoever lets it go again.

    saved: what `to_save` gave, on this machine; spares reading and compiling.
    """
    packed = saved(digest_of_source()) if saved is not None else None
    return Engine(unpack(packed) if packed else load_rules(), saved=saved)


def to_save() -> Mapping[str, bytes]:
    """What a start is spared by, each under its fingerprint: the rules as read, and their compiled prefilter."""
    rules = load_rules()
    return {digest_of_source(): pack(rules), **Engine(rules).to_save()}
