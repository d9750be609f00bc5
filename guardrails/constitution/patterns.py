"""Compile a rule's pattern, after checking that it cannot backtrack without bound. Pure."""

import re

from guardrails.constitution.prefilter import end_of_class

_REPEATED = re.compile(r"[*+]|\{\d*,\d*\}")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}|\{\d{2,}(?:,\d*)?\}")
_PATTERN_CHARS = 2000


def compile_pattern(text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A compiled pattern, `^` and `$` matching at each line. ValueError if it nests quantifiers, is too long, or is none."""
    if len(text) > _PATTERN_CHARS:
        raise ValueError(f"pattern is longer than {_PATTERN_CHARS} characters")
    if is_nesting_quantifiers(text):
        raise ValueError(f"pattern repeats a group that repeats: {text}")
    try:
        compiled = re.compile(text, re.MULTILINE | (re.IGNORECASE if ignore_case else 0))
    except (re.error, OverflowError, RecursionError) as fault:
        raise ValueError(f"pattern does not compile: {fault}: {text}") from fault
    if compiled.search("") is not None:
        raise ValueError(f"pattern matches the empty text: {text}")
    return compiled


def is_nesting_quantifiers(pattern: str) -> bool:
    """Whether a group that holds a repetition is itself repeated many times, as in `(a+)+`: the shape of runaway matching."""
    groups = [False]
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        if letter == "\\":
            position += 2
        elif letter == "[":
            position = end_of_class(pattern, position)
        elif letter == "(":
            groups.append(False)
            position += 1
        elif letter == ")":
            is_repeating = groups.pop() if len(groups) > 1 else False
            if is_repeating and _UNBOUNDED.match(pattern, position + 1):
                return True
            groups[-1] |= is_repeating
            position += 1
        else:
            groups[-1] |= _REPEATED.match(pattern, position) is not None
            position += 1
    return False
