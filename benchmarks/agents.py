"""How often a coding agent's equal challenger is promoted, how soon a better one is, and how soon a worse one is gone."""

from benchmarks.row import Effort, Figure, Row
from benchmarks.sessions import KINDS, better, equal, worse
from guardrails.evidence.coin import ArmsEnd


def measure(effort: Effort) -> Row:
    """Contests over simulated sessions, a look after each; scores that pass or fail, and graded ones."""
    runs = effort.choose(4000, 1000)
    figures, notes = [], []
    for kind, draw in KINDS.items():
        same, good, bad = (play(draw, runs=runs) for play in (equal, better, worse))
        figures += [
            Figure(f"equal arms promoted, {kind}", 100 * same.share(ArmsEnd.PROMOTED), "%", 5),
            Figure(
                f"0.70 against 0.85 promoted in 200, {kind}", 100 * good.share(ArmsEnd.PROMOTED), "%", 80, "at least"
            ),
            Figure(f"own sessions of a worse one (0.55), {kind}", bad.own, "sessions", 40),
        ]
        notes.append(
            f"{kind}: a better challenger is decided on after {good.sessions:.0f} sessions in the median, an equal one after {same.sessions:.0f}"
        )
    return Row(
        "agents", tuple(figures), (f"{runs} contests each, up to 200 scored sessions of both arms together", *notes)
    )
