"""The engine: rules and layers built once, then any text to findings in time linear in its length.

One pass of a multi-pattern prefilter names the detectors and decoders that could have something to say; each of those
runs its linear-time regex; validators judge the spans; what decoders read goes round again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol, TypeAlias

from guardrails.scope.assignments import AssignmentDetector
from guardrails.scope.bare import BareDetector
from guardrails.scope.catalogue import Rule, load_rules
from guardrails.scope.decoders import DECODERS, DEPTH, Decoder, budget_of, decode
from guardrails.scope.detectors import Detector, RuleDetector
from guardrails.scope.findings import Finding, settle
from guardrails.scope.normalise import normalise
from guardrails.scope.prefilter import Backend, HyperscanPrefilter, Pattern, build_prefilter
from guardrails.scope.views import View
from guardrails.scope.wrapping import Wrapping

_OVER_BUDGET = "decoders.over-budget"


# From a fingerprint to the compiled prefilter that was saved under it, or None.
Saved: TypeAlias = Callable[[str], bytes | None]


class Seeker(Protocol):
    """Finds what no rule can know: the names and secrets of one machine."""

    def find(self, view: View) -> Iterable[Finding]:
        """What it finds, at offsets of the view."""


class Engine:
    """Rules ready to run. Immutable after its construction; scans may run in several threads at once.

    saved: from a fingerprint to what `compiled` gave under it, on this machine; spares compiling.
    Raises ValueError for a rule that cannot work, ImportError for a backend that was asked for and does not load.
    """

    def __init__(self, rules: Sequence[Rule], backend: Backend | None = None, saved: Saved | None = None) -> None:
        self._detectors: tuple[Detector, ...] = (*map(RuleDetector, rules), AssignmentDetector(), BareDetector())
        self._decoders: Sequence[Decoder] = DECODERS
        self._wrapping = Wrapping()
        self._patterns: tuple[Pattern, ...] = (*self._detectors, *self._decoders, self._wrapping)
        self._prefilter = build_prefilter(self._patterns, backend, saved(self.fingerprint) if saved else None)

    @property
    def backend(self) -> Backend:
        """Which rung the prefilter stands on: both find the same."""
        return self._prefilter.backend

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the patterns that `compiled` stands for, hex."""
        return hashlib.sha256("\0".join(pattern.sign for pattern in self._patterns).encode("utf-8")).hexdigest()

    def compiled(self) -> bytes | None:
        """The compiled prefilter, for a cache file; None where this rung has none."""
        return self._prefilter.compiled() if isinstance(self._prefilter, HyperscanPrefilter) else None

    def scan(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """Every secret and personal datum in `text`, in order, none overlapping another. Offsets are characters of
        `text`.
        """
        return settle(self._raw_findings(normalise(text), seekers))

    def scan_joined(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `scan`, by the rules alone that stay sure in a text which was put together on a suspicion."""
        if not text:
            return []  # most deltas have nothing to join
        view = normalise(text, joined=True)
        found = (*self._run_joined(view), *(finding for seeker in seekers for finding in seeker.find(view)))
        return settle(_at_source(found, view))

    def _raw_findings(self, root: View, seekers: Sequence[Seeker]) -> Iterator[Finding]:
        view: View | None = root
        budget = budget_of(root.text)
        for _ in range(DEPTH + 1):
            if view is None:
                return
            detectors, decoders, is_wrapped = self._named(view)
            if is_wrapped:
                lines = self._wrapping.unwrap(view)
                yield from _at_source(self._run_joined(lines), lines)
            yield from _at_source((finding for part in (*detectors, *seekers) for finding in part.find(view)), view)
            inner, stopped = decode(view, decoders, budget)
            if stopped is not None:
                # Whoever hides this much means to hide it: fail closed.
                yield from _at_source([Finding("secret", "encoded", _OVER_BUDGET, stopped, stopped + 1, 1.0)], view)
            budget -= len(inner.text) if inner else 0
            view = inner

    def _named(self, view: View) -> tuple[list[Detector], list[Decoder], bool]:
        """The detectors and decoders that could have something to say of the view, and whether its lines may be
        broken inside a token.
        """
        named = self._prefilter.candidates(view.data)
        first, last = len(self._detectors), len(self._detectors) + len(self._decoders)
        detectors = [self._detectors[index] for index in named if index < first]
        return detectors, [self._decoders[index - first] for index in named if first <= index < last], last in named

    def _run_joined(self, view: View) -> Iterator[Finding]:
        for detector in self._named(view)[0]:
            if detector.joinable:
                yield from detector.find(view)


def _at_source(findings: Iterable[Finding], view: View) -> Iterator[Finding]:
    for finding in findings:
        start, end, label = view.source_span(finding.start, finding.end)
        yield replace(finding, start=start, end=end, decoded_from=label)


@lru_cache(maxsize=1)
def default_engine(saved: Saved | None = None) -> Engine:
    """The engine over the package's own rules, built at the first call."""
    return Engine(load_rules(), saved=saved)
