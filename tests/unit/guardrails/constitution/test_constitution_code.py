"""Only what a change adds counts, and it counts however it is written."""

from collections.abc import Callable

import pytest

from guardrails.constitution import Change, Constitution, FileChange, Surface
from guardrails.constitution.rules import CodeExample, CodeFamily

FAMILIES = Constitution.load()._rules.code.families
EXAMPLES = [pytest.param(family, one, id=f"{family.id} {one.text!r}") for family in FAMILIES for one in family.examples]
COUNTER_EXAMPLES = [
    pytest.param(one, id=f"{family.id} {one.text!r}") for family in FAMILIES for one in family.counter_examples
]

Ask = Callable[..., set[str]]


@pytest.mark.parametrize(("family", "example"), EXAMPLES)
def test_each_family_speaks_of_its_own_examples(family: CodeFamily, example: CodeExample, rules_of_code: Ask) -> None:
    assert family.id.removeprefix("constitution.") in rules_of_code(example.language, example.text)


@pytest.mark.parametrize("example", COUNTER_EXAMPLES)
def test_no_family_speaks_of_a_counter_example(example: CodeExample, rules_of_code: Ask) -> None:
    assert rules_of_code(example.language, example.text) == set()


@pytest.mark.parametrize(("family", "example"), EXAMPLES)
def test_what_was_there_before_is_no_finding(family: CodeFamily, example: CodeExample, rules_of_code: Ask) -> None:
    comment = {"python": "# more\n", "shell": "# more\n", "ruby": "# more\n", "data": "b: 1\n", "script": "-- more\n"}
    after = example.text + comment.get(example.language, "// more\n")
    assert rules_of_code(example.language, after, before=example.text) == set()


def test_the_same_call_once_more_is_a_finding(rules_of_code: Ask) -> None:
    before = "import os\nos.system('ls')\n"
    assert rules_of_code("python", before + "os.system('ls')\n", before) == {"code.process"}


def test_another_command_in_the_same_call_is_a_finding(rules_of_code: Ask) -> None:
    before = "import subprocess\nsubprocess.run(['git', 'status'])\n"
    assert rules_of_code("python", before.replace("status", "push"), before) == {"code.process"}


def test_another_number_in_the_same_call_is_none(rules_of_code: Ask) -> None:
    before = "import subprocess\nsubprocess.run(['git', 'status'], timeout=5, bufsize=-1)\n"
    assert rules_of_code("python", before.replace("5", "30").replace("-1", "4096"), before) == set()


def test_another_address_in_the_same_call_is_a_finding(rules_of_code: Ask) -> None:
    before = "import requests\nrequests.get('https://a.example', timeout=5)\n"
    assert rules_of_code("python", before.replace("a.example", "b.example"), before) == {"code.network"}
    assert rules_of_code("python", before.replace("5", "9"), before) == set()


def test_code_that_moves_to_another_file_is_not_new(constitution: Constitution, surface: Surface) -> None:
    text = "import subprocess\n\n\ndef run(argv):\n    return subprocess.run(argv)\n"
    files = (FileChange("src/a.py", text, "A = 1\n"), FileChange("src/b.py", None, text))
    assert constitution.judge_all(Change("Split the module", files), surface) == []


def test_a_file_that_does_not_parse_after_the_change_is_refused(rules_of_code: Ask) -> None:
    assert rules_of_code("python", "def f(:\n") == {"code.unparsable"}
    assert rules_of_code("python", "(" * 500 + ")" * 500) == {"code.unparsable"}


def test_a_file_that_did_not_parse_before_excuses_nothing(rules_of_code: Ask) -> None:
    assert rules_of_code("python", "import socket\n", "import socket\ndef f(:\n") == {"code.network"}


def test_the_names_of_a_package_itself_are_not_the_library(rules_of: Ask) -> None:
    after = "from requests.models import Response\n"
    assert rules_of("src/requests/api.py", after) == set()
    assert rules_of("src/other/api.py", after) == {"code.network"}
    assert rules_of("src/os/api.py", "import os\nos.system('x')\n") == {"code.process"}


@pytest.mark.parametrize(
    "text",
    [
        "import os\nf = os\nf.system('x')\n",
        "from os import path\npath.os.system('x')\n",
        "import sys\nsys.modules['os'].system('x')\n",
        "__builtins__['eval']('1')\n",
        "(lambda run: run('1'))(eval)\n",
        "def f(exec=exec): exec('1')\n",
        "@eval\n@input\nclass X: pass\n",
        "x: eval('1') = 2\n",
        "f'{eval(1)}'\n",
        "match x:\n    case 1: eval('1')\n",
        "from helpers import *\nos.system('x')\n",
        "os.system('x')\n",
        "def f():\n    import subprocess as s\n    return s.Popen\n",
        "import urllib\nurllib.request.urlopen('x')\n",
        "import time\nvars(time)['perf_counter'] = f\n",
        "import time\ndel time.time\n",
        "import time\nwith x as time.perf_counter: pass\n",
        "import io\nio.open(file=__file__, mode='w')\n",
        "p = __file__\nq = p\nopen(q, 'a')\n",
        "import os\nos.replace('x', __file__)\n",
        "import shutil\nshutil.copy('x', 'src/codec.py')\n",
        "async def f():\n    async with g() as os.environ: pass\n",
        "def f():\n    yield\nf().gi_frame.f_back\n",
        "from pytest import mark\n@mark.skipif(True)\ndef f(): ...\n",
        "try:\n    f()\nexcept (ValueError, Exception):\n    return_value = 1\n    pass\n"
        "try:\n    f()\nexcept Exception: ...\n",
        "x = ''.join(['/ho', 'me/x'])\n",
        "import os\nx = os.path.join('/home', user)\n",
        "x = b'/etc/passwd'\n",
        "def f():\n    try:\n        g()\n    except Exception:\n        return None\n",
        "for x in y:\n    try:\n        g()\n    except BaseException:\n        continue\n",
        "hasattr(x, '__globals__')\n",
        "setattr(x, ''.join(parts), 1)\n",
        "getattr(x, chr(101) + 'val')\n",
        "import base64\nx = base64.b64decode('" + "a" * 61 + "')\n",
    ],
)
def test_a_way_round_is_a_finding_too(text: str, rules_of_code: Ask) -> None:
    assert rules_of_code("python", text) != set()


@pytest.mark.parametrize(
    "text",
    [
        "def build(compile=True):\n    return compile\n",
        "run = lambda eval: eval + 1\n",
        "import numpy as np\nx = getattr(np, name)\n",
        "from .socket import connect\n",
        "path = __file__.replace('.py', '.json')\n",
        "import sys\nsys.exit(1)\n",
        "raise SystemExit(main())\n",
        "raise ValueError\n",
        "assert 0\n",
        "x = 'a' + b + 'c'\n",
        "x = 'abc'[::-1]\nx = y[1:]\n",
        "open('data.json', 'w')\nopen('x')\nopen()\n",
        "''.join(f(x) for x in y)\n''.join(map(str, y))\n''.join(y)\nx.join()\n",
        "bytes([1, 2, 3]).decode()\nbytes(x).decode()\n",
        "import base64\nDIGEST = '" + "0a" * 32 + "'\ny = base64.b64decode(x)\n",
        "getattr(x, 'name')\ngetattr(x)\n",
        "import contextlib\nwith contextlib.suppress(KeyError): f()\n",
        "vars(x)\nvars()\n",
        "def f(*args, **kwargs):\n    'Docs'\n    return 1 / 2, 'a' / b\n",
        "x = f'{a}{b}'\nx.y.z = 1\n(a, b.c), d = 1\n",
        "class A:\n    'Docs'\n",
        "try:\n    f()\nexcept ValueError:\n    pass\nexcept Exception as e:\n    handle(e)\n",
        "def f(x: int = 1, /, *, y=2): ...\n",
        "x = ...\nx = 1 + 2\n",
        "from . import json\nfrom .. import y\nfrom ... import z\n",
        "import numpy as np\nnp.random.state = 1\n",
        "f(**{'shell': 1}, verify=True)\n",
        "x = '\\d'\n",
    ],
)
def test_ordinary_shapes_are_let_through(text: str, rules_of_code: Ask) -> None:
    assert rules_of_code("python", text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "open('bench/expected.json')\n",
        "open('../bench/expected.json')\n",
        "from pathlib import Path\nPath('bench') / 'x'\n",
        "from pathlib import Path\nPath(root).joinpath('bench', 'x')\n",
        "x = root / 'tests' / name\n",
        "import os\nos.listdir('tests')\n",
        "import bench.run\n",
        "from bench import run\n",
        "from ..bench import run\n",
        "from tools.judge import score\n",
        "x = 'run tools/judge.py'\n",
    ],
)
def test_the_evaluator_is_out_of_reach(text: str, rules_of_code: Ask) -> None:
    assert rules_of_code("python", text) == {"code.harness"}


def test_a_protected_neighbour_may_be_imported(rules_of_code: Ask) -> None:
    assert rules_of_code("python", "from src.frozen import VERSION\nfrom .frozen import NAME\n") == set()


def test_the_evaluator_is_out_of_reach_in_other_languages(rules_of_code: Ask) -> None:
    assert rules_of_code("javascript", "import x from '../bench/run.js'\n") == {"code.harness"}


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("print('compressed_bytes=1')\n", True),
        ("print('compressed' + '_bytes', 1)\n", True),
        ("compressed_bytes = 1\nprint(f'{compressed_bytes=}')\n", True),
        ("print('seconds=1')\n", True),
        ("print(f'seconds: {x}')\n", True),
        ("seconds = 1\nx = 'in seconds'\n", False),
        ("def f():\n    'Docs of compressed_bytes'\n", False),
    ],
)
def test_the_metric_is_the_evaluators_word(text: str, is_refused: bool, rules_of_code: Ask) -> None:
    assert rules_of_code("python", text) == ({"code.metric"} if is_refused else set())


def test_the_metric_is_the_evaluators_word_in_other_languages(rules_of_code: Ask) -> None:
    assert rules_of_code("javascript", "console.log('compressed_bytes=1')\n") == {"code.metric"}


def test_a_surface_without_metrics_has_no_word_to_guard(constitution: Constitution) -> None:
    change = Change("Tidy up", (FileChange("a.py", "A = 1\n", "loss = 'loss: 1'\n"),))
    assert constitution.judge_all(change, Surface(("a.py",), ("**/*.lock", "*"), ("", "loss"))) != []
    assert constitution.judge_all(change, Surface(("a.py",), ())) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/a.js", "x = 'a\u202eb'\n"),
        ("src/a.md", "ap\u200bprove\n"),
        ("src/a.c", "int us\u0435r;\n"),
        ("src/a.py", "A = 1" + " " * 300 + "; B = 2\n"),
        ("src/a.txt", "hi \U000e0061\U000e0062\n"),
        ("src/a.js", "// note\u2028eval(x)\n"),
        ("src/a.js", "// note\reval(x)\n"),
    ],
)
def test_text_that_nobody_sees_is_refused(path: str, text: str, rules_of: Ask) -> None:
    assert "code.hidden-text" in rules_of(path, text)


@pytest.mark.parametrize(
    "text", ["x = 'Привет'\n", "x = 'می‌خواهم'\n", "x = '👩‍💻'\n", "Δx = 1\n", "x = 1" + " " * 50 + "# why\n"]
)
def test_other_scripts_are_no_hidden_text(text: str, rules_of: Ask) -> None:
    assert rules_of("src/a.py", text) == set()


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("src/Makefile", "all:\n\tcurl https://x | sh\n", "code.network"),
        ("src/run", "#!/usr/bin/env python3\nimport socket\n", "code.network"),
        ("src/run", '#!/bin/bash\neval "$x"\n', "code.dynamic"),
        ("src/run", "#!/usr/bin/env node\neval(x)\n", "code.dynamic"),
        ("src/run.txt", "#!/usr/bin/perl\nsystem('x');\n", "code.process"),
        ("src/a.unheard", "eval(x)\n", "code.dynamic"),
        ("src/a.pyx", "import socket\n", "code.network"),
        ("src/a.ipynb", '["import socket\\n"]\n', "code.network"),
        ("src/a.ts", "const x = process.env.CI\n", "code.environment"),
    ],
)
def test_a_language_is_told_by_name_suffix_or_first_line(path: str, text: str, rule: str, rules_of: Ask) -> None:
    assert rule in rules_of(path, text)


@pytest.mark.parametrize("path", ["src/guide.md", "src/README", "src/LICENSE.txt"])
def test_prose_may_speak_of_code(path: str, rules_of: Ask) -> None:
    assert rules_of(path, "Call `eval(x)`, or `curl https://x | sh`.\n") == set()


def test_a_comment_may_speak_of_code_but_not_steer_a_tool(rules_of_code: Ask) -> None:
    assert rules_of_code("go", "// exec.Command is not used here\n") == set()
    assert rules_of_code("go", "//go:linkname now time.now\n") == {"code.dynamic"}


def test_code_after_a_comment_sign_in_a_text_is_read(rules_of_code: Ask) -> None:
    assert rules_of_code("javascript", "const u = '//'; eval(u)\n") == {"code.dynamic"}


def test_a_line_that_keeps_its_fact_is_no_finding(rules_of_code: Ask) -> None:
    before = "const r = await fetch(url)\n"
    assert rules_of_code("javascript", "  const reply = await fetch(address)\n", before) == set()


def test_each_finding_names_path_line_and_what_was_found(constitution: Constitution, surface: Surface) -> None:
    after = "import os\n\n\ndef f():\n    return os.system('ls')\n"
    (found,) = constitution.judge_all(Change("Tidy", (FileChange("src/a.py", "A = 1\n", after),)), surface)
    assert found.rule == "constitution.code.process"
    assert found.details["path"] == "src/a.py"
    assert found.details["line"] == 5
    assert str(found.details["found"]).startswith("os.system")
