"""How often a coding agent's equal challenger is promoted, how soon a better one is, and how soon a worse one is gone."""

from benchmarks.row import Effort, Figure, Row
from benchmarks.sessions import KINDS, Draw, Played, better, equal, one_look, worse
from guardrails.evidence.coin import ArmsEnd


def measure(effort: Effort) -> Row:
    """Contests over simulated sessions, a look after each; scores that pass or fail, and graded ones."""
    runs = effort.choose(4000, 1000)
    figures: list[Figure] = []
    notes = [f"{runs} contests each, up to 200 scored sessions of both arms together"]
    for kind, draw in KINDS.items():
        same, good, bad = (play(draw, runs=runs) for play in (equal, better, worse))
        figures += [
            Figure(f"equal arms promoted, {kind}", _promoted(same), "%", 5),
            _power(kind, draw, good, runs),
            Figure(f"own sessions of a worse one (0.55), {kind}", bad.own, "sessions", 40),
        ]
        notes.append(
            f"{kind}: sessions until a decision, median: {good.sessions:.0f} for a better challenger, {same.sessions:.0f} for an equal one"
        )
    return Row("agents", tuple(figures), tuple(notes))


def _power(kind: str, draw: Draw, good: Played, runs: int) -> Figure:
    what, limit = f"0.70 against 0.85 promoted in 200, {kind}", 100 * one_look(draw, runs)
    return Figure(what, _promoted(good), "%", 80, "at least", limit, "one look, at the 200th")


def _promoted(played: Played) -> float:
    return 100 * played.share(ArmsEnd.PROMOTED)
