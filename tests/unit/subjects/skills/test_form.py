"""Nothing runs when a skill's module is read: what a call answers, its entry point answered."""

import pytest

from hive_node.skills.skill import SOURCE_CHARS
from hive_node.subjects.skills.form import why_malformed

RUN = "def run(value):\n    return value\n"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# unavailable",
        '"""The language model is unavailable."""',
        "unavailable = True",
        "def solve(value):\n    return value\n",
        "class run:\n    pass\n",
        "run = lambda value: value",
        "async def run(value):\n    return value\n",
        "def run():\n    return 1\n",
        "def run(one, two):\n    return 1\n",
        "def run(value, *, needed):\n    return 1\n",
        "def outer():\n    def run(value):\n        return value\n",
        RUN + "run = print\n",
        RUN + RUN,
        RUN + "from os import system as run\n",
        RUN + "def other():\n    global run\n    run = 1\n",
        "import functools\n@functools.cache\n" + RUN,
        RUN + "del run\n",
    ],
)
def test_a_module_without_one_plain_entry_point_is_no_skill(source: str) -> None:
    rejected = why_malformed(source)
    assert rejected is not None
    assert rejected.rule in {"skill.form.no-entry-point", "skill.form.runs-on-import"}


@pytest.mark.parametrize(
    "source",
    [
        "print('answer')\n" + RUN,
        "import sys\nsys.stdout.write('x')\n" + RUN,
        "X = open('input').read()\n" + RUN,
        "if True:\n    pass\n" + RUN,
        "for x in []:\n    pass\n" + RUN,
        "try:\n    import json\nexcept ImportError:\n    pass\n" + RUN,
        "assert True\n" + RUN,
        "import sys\nsys.exit\nX = (lambda: 1)()\n" + RUN,
        "X = [y for y in map(print, [1])]\n" + RUN,
        "import sys\nsys.stdout = None\n" + RUN,
        "import sys\nsys.modules['json'] = None\n" + RUN,
        "def f(x=print('now')):\n    return x\n" + RUN,
        "class A(print('now') or object):\n    pass\n" + RUN,
        "class A(metaclass=type):\n    pass\n" + RUN,
        "class A:\n    x = print('now')\n" + RUN,
        "@print\ndef f():\n    pass\n" + RUN,
        "def set(x):\n    print('now')\nX = set([1])\n" + RUN,
        "import evil as re\nX = re.compile('x')\n" + RUN,
        "from evil import tuple\nX = tuple([1])\n" + RUN,
        "class re:\n    compile = print\nX = re.compile('now')\n" + RUN,
        "(x := print('now'))\n" + RUN,
        "X = f'{print(1)}'\n" + RUN,
        "with open('x'):\n    pass\n" + RUN,
        "X: print('now') = 1\n" + RUN,
        "def f(x: print('now')) -> None:\n    pass\n" + RUN,
        "def f() -> print('now'):\n    pass\n" + RUN,
        "class A:\n    def __init_subclass__(cls):\n        print('now')\nclass B(A):\n    pass\n" + RUN,
        "class A:\n    def __class_getitem__(cls, x):\n        print('now')\nX = A[1]\n" + RUN,
        "class A:\n    @print\n    def f(self):\n        pass\n" + RUN,
        RUN + "from asyncio import *\n",
        "from evil import *\nX = set([1])\n" + RUN,
        "import a.b as frozenset\nX = frozenset()\n" + RUN,
    ],
)
def test_a_module_that_does_something_when_it_is_read_is_refused(source: str) -> None:
    rejected = why_malformed(source)
    assert rejected is not None
    assert rejected.rule == "skill.form.runs-on-import"


@pytest.mark.parametrize(
    "source",
    [
        RUN,
        '"""What it does."""\nimport re\nfrom dataclasses import dataclass\n_DATE = re.compile(r"\\d+")\n_WORDS = frozenset({"a"})\n'
        "@dataclass(frozen=True)\nclass Pair:\n    x: int = 0\n    def twice(self):\n        return self.x * 2\n" + RUN,
        "from datetime import date\nMONTHS = {'jan': 1}\nLIMIT: int = 2 ** 10\nA, B = 1, 2\n" + RUN,
        "def run(value=None):\n    return value\n",
        "def run(*values):\n    return values[0]\n",
        "def help(x):\n    return x\ndef run(value):\n    return help(value)\n",
    ],
)
def test_ordinary_modules_are_skills(source: str) -> None:
    assert why_malformed(source) is None


@pytest.mark.parametrize("source", ["def run(value:\n", "\0", "def run(value):\n    return " + "(" * 500, "\ud800"])
def test_what_is_no_python_is_refused(source: str) -> None:
    rejected = why_malformed(source)
    assert rejected is not None
    assert rejected.rule == "skill.form.unparsable"


def test_a_skill_has_an_end() -> None:
    rejected = why_malformed(RUN + "#" * SOURCE_CHARS)
    assert rejected is not None
    assert rejected.rule == "skill.form.too-long"
