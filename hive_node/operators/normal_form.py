"""The normal form of a text: what is left of it when everything is taken away that no run can tell apart.

The ledger knows an idea again by it, however it was spelled. Where there is any doubt, the text itself is its form: a change
that matters is never taken for none.
"""

import ast
import re
import warnings
from collections import OrderedDict
from typing import Final

from hive_node.domain import Digest, Files
from protocol.ids import sha256_hex
from protocol.wire import dump_json

# Comments that a run obeys: PEP 263's, a kernel's, a compiler's.
_OBEYED: Final = re.compile(r"^[ \t\f]*#(?:!|.*?coding[:=]|[ \t]*(?:cython|distutils)[ \t]*:).*$", re.MULTILINE)
# Code that may read its own source or its own line numbers: to it, a comment is no comment.
_LOOKS_AT_ITSELF: Final = re.compile(
    r"__(?:file|loader|spec|traceback)__|\b(?:inspect|linecache|tokenize|traceback|importlib|runpy|pkgutil)\b"
    r"|get_?source|_getframe|currentframe|lineno|\b(?:open|read_text|read_bytes|getsize|stat)\b"
)
# Languages in which a blank at a line's end, or a blank line, is nothing, as long as no text goes on over a line's end.
_FREE: Final = frozenset({"c", "h", "cc", "cpp", "cxx", "hh", "hpp", "cs", "go", "java", "json", "kt", "swift", "ts"})
_IS_MORE: Final = re.compile(r'"""|`|<<|\\[ \t]*$|R"|#"|@"|\$"|__LINE__|#line|lineno', re.MULTILINE)
# Larger files are compared as they are: a syntax tree costs a hundred times its text.
_LARGEST: Final = 256 * 1024
_REMEMBERED: Final = 1024
_digests: "OrderedDict[str, Digest]" = OrderedDict()


def surface_digest(files: Files, *, is_verbatim: bool) -> Digest:
    """The address of one state of the editable surface; two states of one address cannot be told apart by running them.

    is_verbatim: comments and layout count as well, since the metric reads the sources themselves.
    """
    return sha256_hex(
        dump_json(
            {path: sha256_hex(text.encode()) if is_verbatim else _digest(path, text) for path, text in files.items()}
        )
    )


def normal_form(path: str, text: str) -> str:
    """`text` without what cannot matter: comments and layout of Python, blank ends and blank lines of a few other languages."""
    suffix = path.rpartition(".")[2].lower()
    if len(text) > _LARGEST:
        return text
    if suffix == "py":
        return _of_python(text)
    return _without_blanks(text) if suffix in _FREE else text


def _digest(path: str, text: str) -> Digest:
    # The champion's files are asked for again with each idea; only their digests are kept.
    known = sha256_hex(f"{path}\0{text}".encode())
    if known in _digests:
        _digests.move_to_end(known)
    else:
        _digests[known] = sha256_hex(normal_form(path, text).encode("utf-8", "surrogatepass"))
        if len(_digests) > _REMEMBERED:
            _digests.popitem(last=False)
    return _digests[known]


def _of_python(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in somebody's string is not our business
            tree = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    if _LOOKS_AT_ITSELF.search(tree):
        return text
    # Docstrings are in the tree: doctest and `__doc__` read them. Type comments are not: no run does.
    return "\n".join([*_OBEYED.findall(text), tree])


def _without_blanks(text: str) -> str:
    if _IS_MORE.search(text):
        return text
    return "\n".join(stripped for line in text.split("\n") if (stripped := line.rstrip(" \t\r")))
