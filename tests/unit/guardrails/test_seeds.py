"""A new seed is refused in whatever it is spelled; a new generator, and every other number, is not."""

import pytest

from guardrails.seeds import judge_seeds, may_draw

PYTHON = """
import random
SEED = 1
config = {"seed": 1, "size": 8}
def fit(data, *, seed=1, random_state: int = 1):
    random.seed(1)
    rng = random.Random(1)
    return shuffle(data, random_state=1), np.random.default_rng(1), 1
"""
CHANGES = [
    ("SEED = 1", "SEED = 2"),
    ("SEED = 1", "SEED = 4 // 2"),
    ("SEED = 1", "SEED = int('7')  # better"),
    ('"seed": 1', '"seed": 2'),
    ("seed=1, random", "seed=2, random"),
    ("int = 1", "int = 2"),
    ("random.seed(1)", "random.seed(2)"),
    ("Random(1)", "Random(SEED + 1)"),
    ("(data, random_state=1)", "(data, random_state=2)"),
    ("default_rng(1)", "default_rng(2)"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_another_seed_is_refused(old: str, new: str) -> None:
    assert PYTHON.count(old) == 1
    rejected = judge_seeds({"a.py": PYTHON}, {"a.py": PYTHON.replace(old, new).replace("8", "9")})
    assert rejected is not None
    assert rejected.rule == "baseline.new-seed"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [("a.js", "const seed = 1;", "const seed = 2;"), ("a.c", "srand(1);", "srand(2);"), ("a.rs", "seed_from_u64(1)", "seed_from_u64(2)"),
     ("a.cpp", "std::mt19937 gen(1);", "std::mt19937 gen(2);"), ("a.yaml", "random_seed: 1", "random_seed: 2"), ("a.toml", "seed = 1", "seed = 0x2")],
)  # fmt: skip
def test_another_seed_is_refused_in_other_languages(path: str, old: str, new: str) -> None:
    assert judge_seeds({path: f"x\n{old}\n"}, {path: f"x\n{new}\n"}) is not None
    assert judge_seeds({path: f"x\n{old}\n"}, {path: f"y 3\n{old}\n"}) is None


def test_everything_else_is_a_change_like_any_other() -> None:
    assert judge_seeds({"a.py": PYTHON}, {"a.py": PYTHON.replace(", 1\n", ", 2\n").replace("8", "9")}) is None
    assert judge_seeds({"a.py": PYTHON}, {"a.py": "# a comment\n" + PYTHON}) is None
    assert judge_seeds({"a.py": "x = 1\n"}, {"a.py": "import random\nx = random.Random(5).random()\n"}) is None
    assert judge_seeds({}, {"new.py": "SEED = 1\n"}) is None
    assert judge_seeds({"a.py": PYTHON}, {"a.py": PYTHON.replace("    random.seed(1)\n", "")}) is None
    assert judge_seeds({"a.py": "SEED = 1\n"}, {"a.py": "def (\n"}) is None, "the constitution refuses that"


@pytest.mark.parametrize(
    ("before", "after", "draws"),
    [
        ("A = 1\nB = {1, 2}\nimport random\n", "A = 2\nB = {1, 2}\nimport random\n", False),
        ("A = 1\n", "A = 2.5\n", False),
        ("def f(x):\n    return x\n", "def f(x):\n    return sorted(x)[0]\n", False),
        ("A = 1\n", "import random\nA = random.random()\n", True),
        ("A = 1\n", "A = [*{'a', 'b'}][0] == 'a'\n", True),
        ("A = 1\n", "A = hash('x') % 2\n", True),
        ("A = 'first'\n", "A = str(object())\n", True),
        ("MODE = 'fixed'\n", "MODE = 'random'\n", True),
        ("A = 1\n", "A = (\n", True),
    ],
)
def test_what_may_come_out_otherwise_in_another_run_is_known(before: str, after: str, draws: bool) -> None:
    assert may_draw({"a.py": before}, {"a.py": after}) is draws


def test_a_language_that_is_not_read_and_a_new_file_may_draw() -> None:
    assert may_draw({"a.c": "int a = 1;"}, {"a.c": "int a = 2;"})
    assert may_draw({}, {"a.py": "import time\n"})
