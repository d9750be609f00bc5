"""Proposals for programs, and as Markdown for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from hive_node.advice.effect import Effect, Records
from hive_node.advice.history import RunEvent
from hive_node.advice.proposal import Proposal
from hive_node.subjects.workflow.service import rank
from protocol.charter import stamp

_HELPED: Final = {True: "it helped", False: "it did not help", None: "the runs since cannot tell yet"}
_FENCE: Final = "`" * 3


def proposal_row(proposal: Proposal, known: Records, effect: Effect | None = None) -> dict[str, Any]:
    """One proposal. confidence: what its class was worth here; claimed: before that; effect: null until it was applied.

    is_measured: whether later runs can tell if it helped.
    """
    finding = proposal.finding
    return {
        "id": proposal.id,
        "project": proposal.project,
        "operation": finding.change.operation,
        "change": finding.change.model_dump(mode="json", exclude_none=True),
        "confidence": rank(proposal, known).value,
        "claimed": finding.confidence.value,
        "source": finding.source,
        "title": finding.title,
        "rationale": finding.rationale,
        "evidence": [
            {"experiment": one.experiment, "event": one.event, "words": one.words} for one in finding.evidence
        ],
        "diff": proposal.diff,
        "is_new_task": proposal.is_new_task,
        "is_measured": proposal.measure is not None and proposal.level is not None,
        "standing": proposal.standing.value,
        "made_at": stamp(proposal.made_at),
        "decided_at": stamp(proposal.decided_at) if proposal.decided_at else None,
        "backup": proposal.backup,
        "experiments": list(proposal.experiments),
        "effect": _effect(effect),
    }


def event_row(event: RunEvent) -> dict[str, Any]:
    """What a piece of evidence is: which run, of what, how each step went, what it measured or why it did not."""
    return {
        "id": event.id,
        "kind": event.kind,
        "at": event.at or None,
        "idea": event.idea,
        "arm": event.arm,
        "rule": event.rule,
        "outcome": event.outcome or None,
        "step": event.step,
        "said": event.said,
        "steps": [asdict(step) | {"argv": list(step.argv)} for step in event.steps],
        "metrics": dict(event.metrics),
        "wall_s": event.wall_s,
    }


def record_rows(known: Records) -> list[dict[str, Any]]:
    """How often each class was right here: of changes that were applied, those that later runs could tell of."""
    return [
        {
            "source": source,
            "claimed": claimed.value,
            "applied": record.applied,
            "told": record.told,
            "helped": record.helped,
        }
        for (source, claimed), record in sorted(known.items())
    ]


def as_markdown(rows: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> str:
    """The proposals for a person; nothing in them is a heading, a link or a tag of somebody else's making."""
    blocks = [block for row in rows for block in _blocks(row, records)]
    return "\n\n".join(blocks or ["Nothing to propose."]) + "\n"


def _blocks(row: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[str]:
    evidence = [f"- `{one['experiment']}/{one['event']}` {_plain(one['words'])}".rstrip() for one in row["evidence"]]
    task = "It changes what is measured: earlier figures are not comparable with later ones, nor are other nodes'."
    fence = _FENCE
    while fence in row["diff"]:
        fence += "`"
    blocks = [
        f"## {_plain(row['title'])}",
        f"`{row['id']}` {row['operation']}, confidence {_class(row, records)}, {row['standing']}",
        _plain(row["rationale"]),
        *([task] if row["is_new_task"] else []),
        "\n".join(["Evidence:", "", *evidence]),
        f"{fence}diff\n{row['diff']}{fence}",
    ]
    if (effect := row["effect"]) is not None:
        figures = (
            f" ({effect['before']:.4g} before, {effect['after']:.4g} after)" if effect["after"] is not None else ""
        )
        blocks.append(f"Applied: {_HELPED[effect['helped']]}{figures}.")
    return blocks


def _class(row: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    alike = [one for one in records if (one["source"], one["claimed"]) == (row["source"], row["claimed"])]
    told = bool(alike and alike[0]["told"])
    record = (
        f"{alike[0]['helped']} of {alike[0]['told']} such were right here" if told else "no runs have told of such here"
    )
    moved = f", claimed {row['claimed']}" if row["claimed"] != row["confidence"] else ""
    return f"**{row['confidence']}** ({row['source']}{moved}; {record})"


def _effect(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    figures = {"before": effect.before, "after": effect.after}
    return {"helped": effect.helped, **figures, "experiments": list(effect.experiments)}


def _plain(text: str) -> str:
    """One line in which Markdown and HTML mean nothing; a backtick stays, since names of files and steps are put in them."""
    flat = " ".join(text.split())
    return "".join(f"\\{one}" if one in "\\*_[]<>#|!" else one for one in flat)
