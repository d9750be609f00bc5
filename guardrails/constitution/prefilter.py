"""Which texts a pattern cannot do without: one look for them spares most searches, and is much cheaper. Pure, and careful.

Reads only the syntax that the rule data use. What it does not understand it takes for no text at all, so it can miss a
saving, and never a match.
"""

import re

_LEAST_CHARS = 3
_OPTIONAL = re.compile(r"[?*]|\{0?,")
_QUANTIFIER = re.compile(r"[?*+][?+]?|\{\d*(?:,\d*)?\}[?+]?")
_LOOKING_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])")
_PLAIN_GROUP = re.compile(r"\((?:\?:)?")
_ANCHORS = frozenset("^$")

Needs = frozenset[str]


def needed_texts(pattern: str) -> Needs:
    """Texts of which each match holds at least one; none at all if that cannot be told."""
    return _Scanner(pattern).needs()


class _Scanner:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def needs(self) -> Needs:
        found = self._alternatives()
        return found if self._at == len(self._pattern) else frozenset()

    def _alternatives(self) -> Needs:
        """Any of the alternatives may match, so each must need something; together they need one of all these."""
        branches = [self._branch()]
        while self._pattern.startswith("|", self._at):
            self._at += 1
            branches.append(self._branch())
        return frozenset().union(*branches) if all(branches) else frozenset()

    def _branch(self) -> Needs:
        """The best of what the parts of one sequence need."""
        candidates: list[Needs] = []
        run = ""
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            letter, group = self._item()
            is_optional = _OPTIONAL.match(self._pattern, self._at) is not None
            quantifier = _QUANTIFIER.match(self._pattern, self._at)
            self._at = quantifier.end() if quantifier else self._at
            if letter and not is_optional:
                run += letter
            if quantifier or not letter:
                candidates += [frozenset({run})] if run else []
                run = ""
            if group and not is_optional:
                candidates.append(group)
        candidates += [frozenset({run})] if run else []
        return max(candidates, key=_strength, default=frozenset()) if candidates else frozenset()

    def _item(self) -> tuple[str, Needs]:
        """One item: the letter that it stands for, if it is one, and what it needs, if it is a group."""
        letter = self._pattern[self._at]
        if letter == "(":
            return "", self._group()
        if letter == "[":
            self._at = end_of_class(self._pattern, self._at)
            return "", frozenset()
        if letter == "\\":
            self._at += 2
            escaped = self._pattern[self._at - 1]
            return ("" if escaped.isalnum() else escaped), frozenset()
        self._at += 1
        return ("" if letter == "." or letter in _ANCHORS else letter), frozenset()

    def _group(self) -> Needs:
        around = _LOOKING_AROUND.match(self._pattern, self._at)
        opened = around or _PLAIN_GROUP.match(self._pattern, self._at)
        self._at = opened.end() if opened else self._at + 1
        found = self._alternatives()
        self._at += self._pattern.startswith(")", self._at)
        return frozenset() if around else found


def _strength(needs: Needs) -> tuple[int, int]:
    """Long texts are rare ones, and few of them are quickly looked for; too short a text is as good as none."""
    shortest = min(map(len, needs), default=0)
    return (shortest, -len(needs)) if shortest >= _LEAST_CHARS else (0, 0)


def end_of_class(pattern: str, start: int) -> int:
    """The position after the bracket that closes the character class which opens at `start`."""
    position = start + 1
    position += pattern.startswith("^", position)
    position += pattern.startswith("]", position)
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1
