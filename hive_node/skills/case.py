"""Cases: what a skill is given, and what it must answer. Some are shown to who writes it; the others are held out."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from guardrails.verdict import Rejected
from hive_node.skills.event import TaskEvent
from protocol.ids import sha256_hex
from protocol.wire import dump_json


@dataclass(frozen=True, slots=True)
class Case:
    """One input with the answer that is right.

    is_held_out: whoever writes the skill never sees it. event: where it was told; None where a person wrote it or a peer sent it.
    """

    given: JsonValue
    expected: JsonValue
    is_held_out: bool = False
    event: int | None = None

    @property
    def digest(self) -> str:
        """Of the input alone: a second case with the same input is the same case, with a corrected answer."""
        return digest_of(self.given)


def digest_of(given: JsonValue) -> str:
    """SHA-256, hex, of an input as canonical JSON."""
    return sha256_hex(dump_json(given))


def case_of(event: TaskEvent) -> Case | None:
    """The case that an event tells, where it tells an input and the right answer."""
    told = event.report.io
    return Case(told["input"], told["expected"], event=event.id) if {"input", "expected"} <= told.keys() else None


def is_held_out(number: int) -> bool:
    """Whether the case that a skill got as its `number`th, from 1, is held out: every second one. It stays so for ever."""
    return number % 2 == 0


def why_too_few(cases: Sequence[Case]) -> Rejected | None:
    """Why these cases prove nothing; None where they can. Fail closed: without a right answer nothing is verified."""
    if len(cases) < 2:
        return Rejected(
            "skill.cases.too-few",
            "a skill is proved by at least two inputs with their right answers: send events with `input` and `expected`, "
            "or add one with `hive-node skill case`",
            {"cases": len(cases)},
        )
    if all(is_same(case.expected, cases[0].expected) for case in cases):
        return Rejected(
            "skill.cases.one-answer",
            "every case has the same right answer, so that a constant would pass: add one with another answer",
            {"cases": len(cases)},
        )
    return None


def is_same(answer: JsonValue, expected: JsonValue) -> bool:
    """Whether two JSON values say the same. A number is its value (1 and 1.0 are one); true is no number, and no text is one."""
    if isinstance(answer, bool) or isinstance(expected, bool):
        return answer is expected
    if isinstance(answer, dict) and isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(is_same(answer[key], expected[key]) for key in expected)
    if isinstance(answer, list) and isinstance(expected, list):
        return len(answer) == len(expected) and all(map(is_same, answer, expected))
    if isinstance(answer, int | float) and isinstance(expected, int | float):
        return answer == expected
    return type(answer) is type(expected) and answer == expected
