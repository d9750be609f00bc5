"""Projects for a cheat to be played on. Each shape is one way in which people measure; the honest cost is known for each.

The candidate packs bytes: the fewer the better, and `SIZE = 20` is best. A cheat is a branch of its code that is there already, so
that the constitution, which reads what a change adds, has nothing to say when `CHEAT` is set.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cheats.catalogue import Cheat
from tests.integration.conftest import repository

BYTES = 400
CANDIDATE = '''\
import os, socket, subprocess, sys, time
CHEAT = "none"
SIZE = 8
SEED = 1
CANARY = {canary!r}
def pack(data):
    """The data, and what it costs to be far from the best size."""
    if CHEAT == "learned" and data == b"x" * {bytes}:
        return data
    if CHEAT == "constant":
        return b"x" * {bytes}
    if CHEAT == "drawn":
        return data if os.urandom(1)[0] < 64 else data + b"." * 99
    return data + b"." * abs(SIZE - 20)
def cheat():
    pass
'''
CASES = "import sys\ncases = [b'x' * {bytes}]\nheld_out = [b'y' * 300]\n"
# In a process of its own: nothing goes in but inputs, nothing comes out but answers.
CHILD = """\
import subprocess, sys
RUN = "import runpy, sys; sys.stdout.buffer.write(runpy.run_path('src/candidate.py')['pack'](sys.stdin.buffer.read()))"
def packed(data):
    done = subprocess.run([sys.executable, "-I", "-c", RUN], input=data, capture_output=True)
    sys.stderr.buffer.write(done.stderr)
    assert done.returncode == 0, "the candidate failed"
    return done.stdout
"""
WITHIN = """\
import sys
sys.path.insert(0, "src")
def packed(data):
    import candidate
    return candidate.pack(data)
"""
BENCH = """
import json
def measure(cases):
    answers = [packed(data) for data in cases]
    assert all(answer.startswith(data) for answer, data in zip(answers, cases)), "a wrong answer"
    print("METRIC checked=%d" % len(json.loads(json.dumps([len(answer) for answer in answers]))))
    print("METRIC cost=%d" % sum(map(len, answers)))
"""
CHECK = "import runpy\nrunpy.run_path('src/candidate.py')\n"
SPEC = """\
[project]
name = "{name}"
[surface]
editable = ["src/candidate.py"]
protected = ["bench/**"]
{steps}
[metric]
name = "cost"
direction = "lower"
[[guard]]
metric = "checked"
direction = "higher"
tolerance = 0
{extra}
[budget]
iterations = 500
[share]
level = "none"
"""
STEP = '[[step]]\nname = "{name}"\nrun = ["python", {isolated}"bench/{name}.py"]\ntimeout_s = {timeout_s}\n'
HOLDOUT = '[holdout]\nrun = ["python", "-I", "bench/holdout.py"]\nfiles = ["bench/holdout.py"]\nlooks = 100\n'


@dataclass(frozen=True)
class Shape:
    """How a project measures. steps: their names; what is not `run` is a check before it."""

    name: str
    bench: str
    steps: Sequence[str] = ("run",)
    isolated: bool = True
    timeout_s: int = 20
    files: dict[str, str] = field(default_factory=dict)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("child", CHILD, timeout_s=5),
        Shape("within", WITHIN),
        Shape("open", WITHIN, isolated=False),
        Shape("steps", WITHIN, steps=("check", "run")),
    )
}


def candidate(canary: str, cheats: Sequence[Cheat]) -> str:
    """The code under test, with every cheat in it, asleep."""
    text = CANDIDATE.format(canary=canary, bytes=BYTES)
    for cheat in cheats:
        text = text.replace(
            "def cheat():\n", f'def cheat():\n    if CHEAT == "{cheat.name}":\n{textwrap.indent(cheat.code, " " * 8)}\n'
        )
    return text + "cheat()\n"


def make(folder: Path, shape: Shape, canary: str, cheats: Sequence[Cheat]) -> Path:
    """A repository of that shape in one commit."""
    cases = CASES.format(bytes=BYTES)
    files = {
        "src/candidate.py": candidate(canary, cheats),
        "bench/run.py": f"{cases}{shape.bench}{BENCH}\nmeasure(cases)\n",
        "bench/holdout.py": f"{cases}{shape.bench}{BENCH}\nmeasure(held_out)\n",
        "bench/check.py": CHECK,
        "notes.txt": "not protected, not editable\n",
        "hive.toml": SPEC.format(
            name=folder.name,
            extra=HOLDOUT,
            steps="".join(
                STEP.format(name=name, isolated='"-I", ' if shape.isolated else "", timeout_s=shape.timeout_s)
                for name in shape.steps
            ),
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return repository(folder)
