"""The message of a promotion's commit: one subject line, the idea, and trailers that git can read."""

from hive_node.domain import Experiment, Promotion
from protocol.ids import EntryId


def commit_message(experiment: Experiment, promotion: Promotion, told: EntryId | None) -> str:
    """What the commit says. Words of an idea are one line of plain characters: they can forge no trailer."""
    metric, evidence = experiment.spec.metric.name, promotion.evidence
    gain = f"{evidence.gain:+.2%} better"
    trailers = {
        "Metric": metric,
        "Before": _number(promotion.before),
        "After": _number(promotion.after),
        "Gain": f"{evidence.gain:.6f}",
        "Evidence": _evidence(promotion),
        **{f"Guard-{_word(name)}": f"{change:+.4f}" for name, change in promotion.guards.items()},
        "Operator": promotion.idea.operator,
        "Idea": f"{experiment.id}/{promotion.idea.number}",
        "Task": experiment.task,
        "Delta": told or "none",
    }
    subject = (
        f"{experiment.spec.project.name}: {metric} {_number(promotion.before)} to {_number(promotion.after)} ({gain})"
    )
    lines = "\n".join(f"Hive-{name}: {value}" for name, value in trailers.items())
    return f"{subject}\n\n{one_line(promotion.idea.words)}\n\n{lines}\n"


def one_line(words: str) -> str:
    """Text of anybody as one line without control characters."""
    flat = " ".join(words.split())
    return "".join(character for character in flat if character.isprintable())


def _evidence(promotion: Promotion) -> str:
    evidence = promotion.evidence
    if evidence.e_value is None:
        return f"exact, {evidence.pairs} pairs"
    return f"e-value {evidence.e_value:.4g} from {evidence.pairs} pairs, noise {evidence.noise:.4f}"


def _number(value: float) -> str:
    return f"{value:.10g}"


def _word(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)
