"""Tables of any make: the cells under a header's cell, in CSV, Markdown, aligned columns and SQL."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from guardrails.scope.detectors import compile_regex

# Where the header's label starts, and where the cell under it starts and ends.
Cell: TypeAlias = tuple[int, int, int]

# A longer line is no header that somebody reads; a longer row is data.
_HEADER_CHARS: Final = 4_000
_ROW_CHARS: Final = 20_000
_COLUMNS_CHARS: Final = 1_000
# Spaces and quotes around a cell's value are none of it.
_FRAME: Final = b" \t\r\"'`"

_CELLS: Final[dict[bytes, Any]] = {
    delimiter: compile_regex(rf'((?:"[^"]*"|[^{literal}])*)(?:{literal}|$)')
    for delimiter, literal in ((b",", ","), (b";", ";"), (b"\t", r"\t"), (b"|", r"\|"))
}
# Columns that only their distance keeps apart.
_ALIGNED: Final = compile_regex(r"([^\s]+(?: [^\s]+)*)(?:\s|$)")
# What follows the header's cell says how the table is written.
_AFTER_CELL: Final = compile_regex(r"[^,;\t|:={}<>\"]{0,48}?[\"'`]?[ ]?([,;\t|]|[ ]{2})")
_BEFORE_CELL: Final = compile_regex(r"([,;\t|]|[ ]{2})[ ]?[\"'`]?[^,;\t|:={}<>\"]{0,24}$")

_VALUES: Final = compile_regex(r"(?i)[^()]{0,1000}\)\s*(?:OVERRIDING[A-Z ]{0,30})?VALUES\s*")
_TUPLE: Final = compile_regex(r"""[\s,]*(\((?:'[^']*'|"[^"]*"|\([^()]*\)|[^()'"])*\))""")
_SQL_CELL: Final = compile_regex(r"""((?:'[^']*'|"[^"]*"|\([^()]*\)|[^,()'"])*)(?:,|$)""")


def columns(data: bytes, start: int, end: int, heads: Sequence[int]) -> Iterator[Cell]:
    """The cells under the labels that start at `heads` in the line data[start:end], if it is the head of a table."""
    yield from _statement(data, heads)
    if end < len(data) and end - start <= _HEADER_CHARS and (pattern := _layout(data, start, end, heads[0])):
        yield from _under(pattern, data, _indices(pattern, data, start, end, heads), _rows(data, end))


def _layout(data: bytes, start: int, end: int, head: int) -> Any:
    found = _AFTER_CELL.match(data, head, end) or _BEFORE_CELL.search(data[max(start, head - 40) : head])
    return _CELLS.get(found.group(1), _ALIGNED) if found else None


def _statement(data: bytes, heads: Sequence[int]) -> Iterator[Cell]:
    """The values of an SQL statement that names its columns first."""
    opened = data.rfind(b"(", max(0, heads[0] - _COLUMNS_CHARS), heads[0])
    values = _VALUES.match(data, heads[0]) if opened >= 0 else None
    if values:
        closed = data.rfind(b")", heads[0], values.end())
        yield from _under(
            _SQL_CELL, data, _indices(_SQL_CELL, data, opened + 1, closed, heads), _tuples(data, values.end())
        )


def _cells(pattern: Any, data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    # Cut off: for RE2 a text goes on behind the end of a search, and the last cell has none.
    line = data[start:end]
    for match in pattern.finditer(line):
        left, right = match.span(1)
        yield start + left, start + right
        if match.end() == len(line):
            return


def _indices(pattern: Any, data: bytes, start: int, end: int, heads: Sequence[int]) -> dict[int, int]:
    """From the number of a column to the label at its head."""
    cells = enumerate(_cells(pattern, data, start, end))
    return {index: head for index, (left, right) in cells for head in heads if left <= head < right}


def _rows(data: bytes, end: int) -> Iterator[tuple[int, int]]:
    """The lines after data[:end], up to an empty one."""
    while end < len(data):
        start = end + 1
        end = data.find(b"\n", start)
        end = end if end >= 0 else len(data)
        if not data[start:end].strip():
            return
        yield start, min(end, start + _ROW_CHARS)


def _tuples(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    while found := _TUPLE.match(data, position):
        yield found.start(1) + 1, found.end(1) - 1
        position = found.end()


def _under(pattern: Any, data: bytes, heads: dict[int, int], rows: Iterator[tuple[int, int]]) -> Iterator[Cell]:
    """The cells under the heads, until a row is too short: so that what is read as rows is read for something."""
    if not heads:
        return
    wanted = max(heads) + 1
    fewest = wanted if pattern is _SQL_CELL else max(wanted, 2)
    for start, end in rows:
        cells = list(islice(_cells(pattern, data, start, end), fewest))
        if len(cells) < fewest:
            return
        for index, head in heads.items():
            yield (head, *_framed(data, *cells[index]))


def _framed(data: bytes, start: int, end: int) -> tuple[int, int]:
    cell = data[start:end]
    return start + len(cell) - len(cell.lstrip(_FRAME)), start + len(cell.rstrip(_FRAME))
