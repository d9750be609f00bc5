"""Is the challenger better than the champion, and how sure are we? Sequential evidence from interleaved pairs."""

from guardrails.evidence.allocation import alpha_for
from guardrails.evidence.calibration import Calibration, calibrate, is_deterministic, pairs_for
from guardrails.evidence.decision import (
    Continue,
    Decision,
    Evidence,
    EvidencePolicy,
    Promote,
    Stop,
    StopFor,
    compare,
    decide,
)
from guardrails.evidence.pairs import Direction, Pair

__all__ = [
    "Calibration",
    "Continue",
    "Decision",
    "Direction",
    "Evidence",
    "EvidencePolicy",
    "Pair",
    "Promote",
    "Stop",
    "StopFor",
    "alpha_for",
    "calibrate",
    "compare",
    "decide",
    "is_deterministic",
    "pairs_for",
]
