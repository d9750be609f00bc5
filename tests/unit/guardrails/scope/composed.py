"""Deltas as an honest node composes them, to be spoilt by a test."""

import base64
from typing import Any

from protocol.deltas import (
    KIND_OF,
    Arm,
    ArmEvidence,
    Body,
    Costs,
    Delta,
    Edit,
    Equivocation,
    Header,
    Measured,
    Metric,
    Moments,
    Outcomes,
    Recipe,
    Replication,
    Retract,
    Skill,
    Summary,
    ToolStats,
)
from protocol.envelope import DELTA_TYPE, Envelope, Signature
from tests.unit.guardrails.scope import planted

DIGEST = planted.letters(64, 1, planted.HEX)
NODE = planted.letters(52, 2, "abcdefghijklmnopqrstuvwxyz234567")
MEASURED = Measured(pairs=12, gain=0.031, lower=0.012, e_value=41.5, noise=0.002)
MOMENTS = Moments(n=12, mean=1735689600.123, sd=33.25)
METRIC = Metric(name="bytes_per_s", direction="higher")


def header(kind: str) -> Header:
    return Header(
        hive=NODE,
        author=NODE,
        epoch=1,
        seq=7,
        prev=DIGEST,
        issued_at="2026-01-02T03:04:05Z",
        kind=kind,
        constitution=DIGEST,
    )


def summary(**changes: Any) -> Delta:
    values: dict[str, Any] = {
        "task": DIGEST,
        "project": "lz-window",
        "metric": METRIC,
        "experiment": "2026-01-02-a",
        "baseline": MOMENTS,
        "champion": MOMENTS,
        "gain": 0.0312,
        "operators": {"tune": Outcomes(proposed=3), "llm": Outcomes(proposed=9, promoted=1)},
        "costs": Costs(trials=31, wall_s=1231.22, cpu_s=33.1, tokens=182233, dollars=0.33),
        "environment": "linux-x86_64-py311",
    }
    return Delta.compose(header("summary"), Summary(**(values | changes)))


def recipe(**changes: Any) -> Delta:
    values: dict[str, Any] = {
        "task": DIGEST,
        "project": "lz-window",
        "metric": METRIC,
        "files": {"src/lz/window.py": DIGEST},
        "edits": (Edit(path="src/lz/window.py", search="WINDOW = 4096\n", replace="WINDOW = 32768\n"),),
        "idea": "use a larger window",
        "operator": "llm",
        "evidence": MEASURED,
        "guards": {"peak_rss_mb": 81.25},
        "parents": (DIGEST,),
        "environment": "linux-x86_64-py311",
    }
    return Delta.compose(header("recipe"), Recipe(**(values | changes)))


def envelope(delta: Delta) -> str:
    return base64.b64encode(Envelope(DELTA_TYPE, delta.raw, (Signature(NODE, bytes(range(64))),)).to_bytes()).decode()


BODIES: list[Body] = [
    Replication(recipe=DIGEST, task=DIGEST, outcome="confirmed", evidence=MEASURED, environment="linux-x86_64-py311"),
    ArmEvidence(task=DIGEST, variants=(DIGEST, DIGEST), axis="prompt-order", arms=(Arm(n=4, sum=3.5, sum_sq=3.25),)),
    ToolStats(task_type="refactor", tool="ripgrep", model="local-7b", trials=9, successes=7, seconds=MOMENTS),
    Skill(
        name="count-lines",
        source="def count(text):\n    return text.count('\\n')\n",
        cases=("a\n -> 1",),
        evidence=MEASURED,
    ),
    Retract(entry=DIGEST, reason="it was measured on a warm cache"),
    Equivocation(first=envelope(summary()), second=envelope(summary(gain=0.5))),
]
# One of each kind.
CLEAN = [summary(), recipe(), *(Delta.compose(header(KIND_OF[type(body)]), body) for body in BODIES)]
