"""Where a token may be cut over several values of a tree: what is put together on that suspicion."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails.scope.pages import LeafText

# Longer runs are read where they stand; of such only the end, or the beginning, may belong to a neighbour's.
_RUN_CHARS: Final = 256
# Shorter together is no secret.
_LEAST_CHARS: Final = 6
# Statistics stand beside one another everywhere, and belong to nothing.
_FIGURE: Final = re.compile(r"[0-9.,:;+\-/%eETZ]*")


def chains(neighbours: Iterable[LeafText]) -> Iterator[list[LeafText]]:
    """Runs that stand end to end in members of one object: the last word of one, whole words, the first word of another."""
    chain: list[LeafText] = []
    for leaf in neighbours:
        head, tail = ("" if _FIGURE.fullmatch(run) else run for run in (_first_run(leaf.text), _last_run(leaf.text)))
        if head == leaf.text:
            chain.append(leaf)
            continue
        if head:
            chain.append(_part(leaf, head))
        yield from _worthy(chain)
        chain = [_part(leaf, tail)] if tail else []
    yield from _worthy(chain)


def _worthy(chain: list[LeafText]) -> Iterator[list[LeafText]]:
    if len(chain) > 1 and sum(len(one.text) for one in chain) >= _LEAST_CHARS:
        yield chain


def _part(leaf: LeafText, text: str) -> LeafText:
    # What is found in a part of a value counts for all of it: nobody cuts a token by chance.
    return leaf._replace(text=text, whole_chars=leaf.whole_chars or len(leaf.text))


def _first_run(text: str) -> str:
    start = text[:_RUN_CHARS]
    return "" if start[:1].isspace() else "".join(start.split(None, 1)[:1])


def _last_run(text: str) -> str:
    end = text[-_RUN_CHARS:]
    return "" if end[-1:].isspace() else "".join(end.rsplit(None, 1)[-1:])
