"""By what the ledger knows an idea again: a change that no run can see is none, and every other one is one."""

import pytest

from hive_node.operators.normal_form import normal_form, surface_digest

CODE = """\
#!/usr/bin/env python3
\"\"\"Packs.\"\"\"
SIZE = 8  # bytes


def pack(block=512):
    \"\"\"Pack it.\"\"\"
    return f"{block = }" + 'x' * SIZE
"""


def is_same(one: str, other: str, path: str = "a.py") -> bool:
    return normal_form(path, one) == normal_form(path, other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # bytes", ""),
        ("# bytes", "# twice as many bytes"),
        ("SIZE = 8", "SIZE    =  (8)"),
        ("SIZE = 8", "SIZE = 0x8"),
        ("\n\n\n", "\n"),
        ("    return f", "    # now\n    return f"),
        ("'x' * SIZE", '"x" * \\\n  SIZE'),
        ("def pack(block=512):", "def pack(\n    block=512,\n):  # type: (int) -> str"),
    ],
)
def test_a_change_that_no_run_can_see_is_none(old: str, new: str) -> None:
    changed = CODE.replace(old, new)
    assert changed != CODE
    assert is_same(CODE, changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8", "9"),
        ("8", "8.0"),
        ("8", "True"),
        ("'x'", "'x '"),
        ("'x'", "b'x'"),
        ("Pack it.", "Pack it!"),
        ('"""Packs."""\n', ""),
        ("{block = }", "{block=}"),
        ("block=512", "size=512"),
        ("python3", "python3 -O"),
        ("SIZE = 8", "SIZE = -8"),
        ("python3\n", "python3\r\n"),
        ("SIZE = 8", "# -*- coding: latin-1 -*-\nSIZE = 8"),
        ("SIZE = 8", "# cython: boundscheck=False\nSIZE = 8"),
        ("    return", "    if block:\n        SIZE\n    return"),
    ],
)
def test_a_change_that_a_run_may_see_is_one(old: str, new: str) -> None:
    assert not is_same(CODE, CODE.replace(old, new))


@pytest.mark.parametrize(
    "line",
    ["print(__file__)", "import inspect", "code = fn.__code__.co_firstlineno", "text = open('src/a.py').read()", "x = (", "\0",
     "X = 0x" + "f" * 5000, "X = " + "(" * 400 + ")" * 400],
)  # fmt: skip
def test_code_that_reads_itself_or_cannot_be_read_is_taken_as_it_is(line: str) -> None:
    assert not is_same(f"{line}\n", f"{line}\n# more\n")


@pytest.mark.parametrize(
    ("path", "one", "other", "same"),
    [
        ("a.c", "int a;\n\nint b;  \n", "int a;\nint b;\n", True),
        ("a.c", "int a; // one\n", "int a; // two\n", False),
        ("a.c", "int  a;\n", "int a;\n", False),
        ("a.c", "int a = __LINE__;\n", "\nint a = __LINE__;\n", False),
        ("a.c", "#define A \\\n 1\n", "#define A \\ \n 1\n", False),
        ("a.ts", "let a = `1\n\n2`;\n", "let a = `1\n2`;\n", False),
        ("a.java", 'var a = """\n\n""";\n', 'var a = """\n""";\n', False),
        ("a.json", '{\n\n"a": 1}\n', '{\n"a": 1}', True),
        ("a.md", "one  \ntwo\n", "one\ntwo\n", False),
        ("a.yaml", "a: |\n\n  x\n", "a: |\n  x\n", False),
        ("a.rs", 'let a = "1\n\n2";\n', 'let a = "1\n2";\n', False),
        ("Makefile", "a:\n\n", "a:\n", False),
    ],
)
def test_in_other_languages_blanks_count_wherever_they_could_be_data(
    path: str, one: str, other: str, same: bool
) -> None:
    assert is_same(one, other, path) is same


def test_a_surface_is_the_same_in_any_order_and_another_by_any_path_or_text() -> None:
    files = {"b.py": "B = 1\n", "a.py": "A = 1\n"}
    digest = surface_digest(files, is_verbatim=False)
    assert surface_digest(dict(reversed(files.items())), is_verbatim=False) == digest
    assert surface_digest(files | {"a.py": "A = 1  # one\n"}, is_verbatim=False) == digest
    assert surface_digest(files | {"a.py": "A = 2\n"}, is_verbatim=False) != digest
    assert surface_digest({"c.py": "B = 1\n", "a.py": "A = 1\n"}, is_verbatim=False) != digest
    assert surface_digest({"a": "bc"}, is_verbatim=False) != surface_digest({"ab": "c"}, is_verbatim=False)


def test_where_the_metric_reads_the_sources_every_character_counts() -> None:
    files = {"a.py": "A = 1\n"}
    assert surface_digest(files, is_verbatim=True) != surface_digest({"a.py": "A = 1 \n"}, is_verbatim=True)
