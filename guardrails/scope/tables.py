"""Values in columns, of CSV, of tables between bars, of what databases write out: each is read beside the head of its
column, which may be rows away.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from guardrails.scope.detectors import compile_regex
from guardrails.scope.signs import Sign
from guardrails.scope.views import CONTEXT, Piece, View

# A row that is longer is a line of something else, and so is a table with more columns.
_ROW_CHARS: Final = 4096
_MOST_COLUMNS: Final = 64
_NAME_CHARS: Final = 40
# No shorter cell holds a secret.
_LEAST_CHARS: Final = 5
# What may be read of tables: a part of what all decoders together may make of a text, for rows are shorter than heads.
_LEAST_READ: Final = 64 * 1024
_INDENT_CHARS: Final = 32
_DELIMITERS: Final = (",", ";", "\t", "|")
_KEYWORDS: Final = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api key",
    "kennwort",
    "contrase",
    "senha",
    "wachtwoord",
)
_SECRET: Final = rf"(?i:{'|'.join(_KEYWORDS)})"
# A head says names and no more: one between two delimiters, or at an edge.
_NAME: Final = r"[ \t]*[\"'`\[]?[A-Za-z\x80-\xff?][A-Za-z0-9_ ./\x80-\xff?\-]*[\"'`\]]?[ \t]*"
_LINE_END: Final = r"[ \t]*\r?\n"
_HEADS: Final = "|".join(
    rf"(?:\A|\n){edge}({_NAME}(?:{delimiter}{_NAME})+){edge}{_LINE_END}"
    for delimiter, edge in ((",", ""), (";", ""), (r"\t", ""), (r"\|", r"[ \t]*\|?"))
)
# `INSERT INTO t (a, b) VALUES (`, and what PostgreSQL writes out: `COPY t (a, b) FROM stdin;`.
_NAMES: Final = rf"\(({_NAME}(?:,{_NAME})+)\)"
_WRITTEN: Final = rf"{_NAMES}(?:\s*(?i:values)\s*\(| (?i:from stdin);?[ \t]*\r?\n)"
# Under the head of a table between bars; between the rows of SQL.
_RULE: Final = frozenset("|-:+= \t")
_BETWEEN: Final = frozenset("), \t\r\n")
_BETWEEN_CHARS: Final = 32
_QUOTES: Final = "\"'`"
_REST: Final = r"[A-Za-z0-9_ ,;\t|\"'`./\-]*"
_IN_NAME: Final = r"[A-Za-z0-9_ ]*"


class _Cell(NamedTuple):
    """Its value, without quotes, and where the next one begins."""

    start: int
    end: int
    stop: int
    is_quoted: bool


class _Table(NamedTuple):
    """Where its heads and its rows begin, what is between them, and which columns promise a secret, by their heads."""

    heads: int
    start: int
    delimiter: str
    columns: int
    secret: Mapping[int, str]
    # In brackets, as SQL has them, or each in a line of its own.
    is_bracketed: bool


class Tables:
    """Columns whose heads promise a secret, cell by cell as an assignment."""

    label = CONTEXT
    sign = Sign(
        (
            rf"{_SECRET}{_IN_NAME}[\"'`\]]?[^()\n]*\)(?:\s*(?i:values)\s*\(| (?i:from stdin))",
            rf"[,;\t|][ \t]*[\"'`]?{_IN_NAME}{_SECRET}{_IN_NAME}[\"'`]?[ \t]*\r?\n",
            rf"{_SECRET}{_IN_NAME}[\"'`]?[ \t]*[,;\t|]{_REST}\r?\n",
        ),
        _KEYWORDS,
    )

    def __init__(self) -> None:
        self._heads: Any = compile_regex(_HEADS)
        self._written: Any = compile_regex(_WRITTEN)
        self._secret: Any = compile_regex(_SECRET)

    def decode(self, view: View) -> Iterator[tuple[Piece, ...]]:
        """Each cell that could hold a secret, with the head of its column before it."""
        text, offset = _whole(view)
        chars = len(text) // 4 + _LEAST_READ
        for tables in (self._written_out(view), self._in_lines(view)):
            done = 0
            for table in tables:
                if table.start < done:
                    continue  # a row of names is a head too
                for cells in _rows(text, offset, table):
                    done = cells[-1].end - offset
                    for reading in _beside(text, offset, table, cells):
                        chars -= sum(len(piece.text) for piece in reading)
                        if chars < 0:
                            return
                        yield reading

    def _written_out(self, view: View) -> Iterator[_Table]:
        for match in self._written.finditer(view.data):
            is_bracketed = view.data[match.end() - 1 : match.end()] == b"("
            delimiter, start = ("," if is_bracketed else "\t"), match.end() - is_bracketed
            yield from self._table(view, match.span(1), ",", start, delimiter, is_bracketed)

    def _in_lines(self, view: View) -> Iterator[_Table]:
        position = 0
        while match := self._heads.search(view.data, position):
            # The end of one line is where the next one begins.
            position = match.end() - 1
            delimiter = _DELIMITERS[match.lastindex - 1]
            yield from self._table(view, match.span(match.lastindex), delimiter, match.end(), delimiter, False)

    def _table(
        self, view: View, names: tuple[int, int], between: str, start: int, delimiter: str, is_bracketed: bool
    ) -> Iterator[_Table]:
        if names[1] - names[0] > _ROW_CHARS or not self._secret.search(view.data[slice(*names)]):
            return
        heads = [name.strip(" \t\"'`[]") for name in view.text[slice(*names)].split(between)]
        secret = {
            index: head.replace(" ", "_")
            for index, head in enumerate(heads)
            if self._secret.search(head.encode("latin-1", "replace"))
        }
        if len(heads) <= _MOST_COLUMNS and max(map(len, heads)) <= _NAME_CHARS:
            yield _Table(names[0], start, delimiter, len(heads), secret, is_bracketed)


def _whole(view: View) -> tuple[str, int]:
    """The text that the view is a part of, and where in it: a table goes on where no head is in sight."""
    if view.parent is None or len(view.starts) != 1:
        return view.text, 0
    start = view.pieces[0].start
    return (view.parent.text, start) if view.parent.text.startswith(view.text, start) else (view.text, 0)


def _rows(text: str, offset: int, table: _Table) -> Iterator[Sequence[_Cell]]:
    """The rows, for as long as they have as many cells as the head has names."""
    start = offset + table.start
    while 0 <= start < len(text):
        most = min(len(text), start + _ROW_CHARS)
        if table.is_bracketed:
            cells = _cells(text, start + 1, most, ",", ")")
            start = _next_bracket(text, cells[-1].stop)
        else:
            line_end = text.find("\n", start, most)
            line_end = most if line_end < 0 else line_end
            first, last = _edges(text, start, line_end, table.delimiter)
            start = line_end + 1
            if table.delimiter == "|" and _RULE.issuperset(text[first:last]):
                continue
            cells = _cells(text, first, last, table.delimiter, table.delimiter)
        if len(cells) != table.columns:
            return
        yield cells


def _next_bracket(text: str, stop: int) -> int:
    bracket = text.find("(", stop, stop + _BETWEEN_CHARS)
    return bracket if set(text[stop:bracket]) <= _BETWEEN else -1


def _edges(text: str, start: int, end: int, delimiter: str) -> tuple[int, int]:
    if delimiter == "|":
        row = text[start:end]
        return end - len(row.lstrip(" \t|")), start + len(row.rstrip(" \t\r|"))
    return start, end - text[start:end].endswith("\r")


def _cells(text: str, start: int, end: int, delimiter: str, closer: str) -> list[_Cell]:
    """The cells of a row, which ends at `closer` or at `end`. What is between quotes may have either in it."""
    cells: list[_Cell] = []
    while len(cells) <= _MOST_COLUMNS:
        ahead = text[start : min(start + _INDENT_CHARS, end)]
        first = start + len(ahead) - len(ahead.lstrip(" "))
        quote = text[first : min(first + 1, end)]
        closed = _closed(text, first, end, quote) if quote and quote in _QUOTES else -1
        after = max(first, closed)
        stop = min(
            place if place >= 0 else end for place in (text.find(one, after, end) for one in (delimiter, closer))
        )
        if closed >= 0:
            cells.append(_Cell(first + 1, closed, stop, True))
        else:
            cells.append(_Cell(first, first + len(text[first:stop].rstrip()), stop, False))
        if stop == end or text[stop] != delimiter:
            break
        start = stop + 1
    return cells


def _closed(text: str, opened: int, end: int, quote: str) -> int:
    closed = text.find(quote, opened + 1, end)
    while closed >= 0 and text[closed + 1 : closed + 2] == quote:
        closed = text.find(quote, closed + 2, end)  # a quote in the cell is written twice
    return closed


def _beside(text: str, offset: int, table: _Table, cells: Sequence[_Cell]) -> Iterator[tuple[Piece, ...]]:
    """The cells that promise a secret, each as an assignment to its head; at offsets of the view."""
    for index, head in table.secret.items():
        start, end = cells[index].start - offset, cells[index].end - offset
        if end - start >= _LEAST_CHARS:
            yield (
                Piece(f'{head} = "', table.heads, start, label=CONTEXT),
                Piece(text[cells[index].start : cells[index].end], start, end, exact=True),
                Piece('"', end - 1, end),
            )
