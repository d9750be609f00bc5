"""The shipped example `lz-window`: an honest codec is measured, and a codec that cheats gets no metric."""

import os
import py_compile
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "configs" / "examples" / "lz-window"

# Found by search; only that the room is there matters, not that this is the best.
BETTER = {"WINDOW_BITS": 15, "LENGTH_BITS": 6, "MAX_CHAIN": 32, "KEY_BYTES": 4}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "lz-window"))


def test_both_steps_pass_and_print_each_metric_exactly_once(example: Path) -> None:
    check, bench = run(example, "tests/check.py"), run(example, "bench/run.py")
    assert (check.returncode, bench.returncode) == (0, 0), check.stderr + bench.stderr
    printed = re.findall(r"^METRIC (\w+)=", check.stdout + bench.stdout, re.MULTILINE)
    assert sorted(printed) == ["compressed_bytes", "cpu_seconds"]


def test_the_steps_leave_nothing_behind(example: Path) -> None:
    before = sorted(example.rglob("*"))
    run(example, "tests/check.py")
    run(example, "bench/run.py")
    assert sorted(example.rglob("*")) == before


def test_compressed_bytes_is_the_same_in_two_runs(example: Path) -> None:
    assert compressed_bytes(example) == compressed_bytes(example)


def test_better_constants_save_at_least_a_twentieth(example: Path) -> None:
    shipped = compressed_bytes(example)
    for name, value in BETTER.items():
        set_constant(example, name, value)
    assert run(example, "tests/check.py").returncode == 0
    assert compressed_bytes(example) <= 0.95 * shipped


def test_each_tuned_constant_is_one_line_of_its_own_and_inside_its_range(example: Path) -> None:
    spec = tomllib.loads((example / "hive.toml").read_text())
    for key, hint in spec["tune"].items():
        path, name = key.split(":")
        assert path in spec["surface"]["editable"]
        values = re.findall(rf"^{name} = (\d+)$", (example / path).read_text(), re.MULTILINE)
        assert len(values) == 1, name
        assert hint["low"] <= int(values[0]) <= hint["high"], name


@pytest.mark.parametrize("edge", ["low", "high"])
def test_the_codec_is_sound_at_the_ends_of_every_range(example: Path, edge: str) -> None:
    for key, hint in tomllib.loads((example / "hive.toml").read_text())["tune"].items():
        set_constant(example, key.split(":")[1], hint[edge])
    check = run(example, "tests/check.py")
    assert check.returncode == 0, check.stderr
    assert compressed_bytes(example) > 0


@pytest.mark.parametrize(
    ("sound", "broken", "message"),
    [
        ("content = bytes(out)", "content = bytes(out[:-1])", "not given back|refused"),
        ("out += (out[start:] * (length // distance + 1))[:length]", "out += out[start:]", "not given back"),
        (" or _check(content) != check", "", "neither refused nor given back"),
        ("not coder.is_at_end() or ", "", "not refused: a stream with a byte too many"),
        ('raise ValueError("stream is cut short")\n    size', "pass\n    size", "decompress failed: 'IndexError"),
        (
            "for inside in range(position + 1",
            "for inside in range(position + (1 / 0)",
            "compress failed: 'ZeroDivision",
        ),
    ],
)
def test_a_broken_codec_fails_the_check_with_the_fault_named(
    example: Path, sound: str, broken: str, message: str
) -> None:
    replace_once(example / "src" / "codec.py", sound, broken)
    check = run(example, "tests/check.py")
    assert check.returncode == 1
    assert re.search(message, check.stderr), check.stderr


LIES_ABOUT_ITS_LENGTH = """
class _Short(bytes):
    def __len__(self):
        return 1
_honest = compress
def compress(data):
    return _Short(_honest(data))
"""

REMEMBERS_IN_A_GLOBAL = """
_seen = []
def compress(data):
    _seen.append(data)
    return b"0"
def decompress(stream):
    return _seen[int(stream)]
"""

KEEPS_THE_CONTENT_IN_A_FILE = """
def compress(data):
    with open({store!r}, "wb") as file:
        file.write(data)
    return b""
def decompress(stream):
    with open({store!r}, "rb") as file:
        return file.read()
"""

KEEPS_THE_CONTENT_IN_A_NAME = """
import posix
def compress(data):
    posix.mkdir({store!r} + data[:40].hex())
    return b""
"""

READS_WHERE_THE_BENCHMARK_READ = """
def compress(data):
    return b""
def decompress(stream):
    import sys
    parts = []
    for name in ("textwrap", "difflib", "calendar", "configparser"):
        with open(sys.path[1] + "/" + name + ".py", "rb") as file:
            parts.append(file.read(10_000))
    return b"".join(parts)
"""

TAKES_A_READY_COMPRESSOR = """
import zlib
compress, decompress = zlib.compress, zlib.decompress
"""

PRINTS_ITS_OWN_METRIC = """
def compress(data):
    print("METRIC compressed_bytes=1", flush=True)
    import posix
    posix._exit(0)
"""

ENDS_AS_IF_ALL_WERE_WELL = """
raise SystemExit(0)
"""

TAKES_ITSELF_OUT_OF_THE_SEAL = """
import sys
def compress(data):
    _main = sys.modules["__main__"]
    _main.PermissionError = _main.sys = None
    _main._seal.__code__ = compress.__code__
"""

ANSWERS_FOR_THE_HARNESS = """
import sys
def compress(data):
    sys.stdout.buffer.write(bytes([0, 0, 0, 2, 0, 1]))
    return b""
"""

DIFFERS_FROM_RUN_TO_RUN = """
_honest, _restore = compress, decompress
def compress(data):
    return hash("salted in each process").to_bytes(9, "big", signed=True) + _honest(data)
def decompress(stream):
    return _restore(stream[9:])
"""


@pytest.mark.parametrize(
    ("cheat", "message"),
    [
        (LIES_ABOUT_ITS_LENGTH, "must return bytes, not _Short"),
        (REMEMBERS_IN_A_GLOBAL, "decompress failed: 'IndexError"),
        (KEEPS_THE_CONTENT_IN_A_FILE, "refused: open"),
        (KEEPS_THE_CONTENT_IN_A_NAME, "refused: os.mkdir"),
        (READS_WHERE_THE_BENCHMARK_READ, "decompress failed: .*refused: open"),
        (TAKES_A_READY_COMPRESSOR, "refused: import"),
        (PRINTS_ITS_OWN_METRIC, "answers"),
        (ENDS_AS_IF_ALL_WERE_WELL, "gave 0 answers to 1 questions"),
        (TAKES_ITSELF_OUT_OF_THE_SEAL, "compress failed: "),
        (ANSWERS_FOR_THE_HARNESS, "gave 2 answers to 1 questions"),
        (DIFFERS_FROM_RUN_TO_RUN, "two different streams"),
    ],
)
def test_a_codec_that_cheats_gets_no_metric(example: Path, tmp_path: Path, cheat: str, message: str) -> None:
    append(example, cheat.replace("{store!r}", repr(str(tmp_path / "store"))))
    bench = run(example, "bench/run.py")
    assert bench.returncode == 1
    assert "METRIC" not in bench.stdout
    assert re.search(message, bench.stderr), bench.stderr


def test_a_codec_may_use_the_modules_that_only_compute(example: Path) -> None:
    honest = compressed_bytes(example)
    names = "array, bisect, collections.abc, heapq, itertools, struct"
    append(example, f"import {names}\n_TABLE = array.array('H', range(256))\n_SAME = id(_TABLE)\n")
    assert compressed_bytes(example) == honest


def test_a_codec_that_replaces_builtins_changes_only_its_own_process(example: Path) -> None:
    honest = compressed_bytes(example)
    append(
        example,
        LIES_ABOUT_ITS_LENGTH
        + "import builtins\nbuiltins.type = lambda value: bytes\nbuiltins.print = lambda *a: None\n",
    )
    assert compressed_bytes(example) == honest


def test_a_codec_that_carries_content_in_its_source_is_refused(example: Path) -> None:
    append(example, f"_CONTENT = {'x' * 4096!r}\n")
    bench = run(example, "bench/run.py")
    assert (bench.returncode, bench.stdout) == (1, "")
    assert "larger than" in bench.stderr


def test_a_stale_pyc_is_not_what_gets_measured(example: Path) -> None:
    codec = example / "src" / "codec.py"
    shipped = compressed_bytes(example)
    py_compile.compile(str(codec), doraise=True)
    written = codec.stat()
    set_constant(example, "WINDOW_BITS", 15)
    os.utime(codec, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert codec.stat().st_size == written.st_size
    assert compressed_bytes(example) < shipped


def test_a_module_in_the_working_folder_shadows_nothing(example: Path) -> None:
    for name in ("subprocess", "resource", "importlib", "heapq", "struct"):
        for folder in (".", "src", "bench", "tests"):
            (example / folder / f"{name}.py").write_text('print("METRIC compressed_bytes=1")\nraise SystemExit(0)\n')
    assert run(example, "tests/check.py").stdout == "check: all cases passed\n"
    assert compressed_bytes(example) > 1


def run(example: Path, script: str) -> subprocess.CompletedProcess[str]:
    """As a node runs a step: isolated, at the project's root, with an empty environment."""
    command = [sys.executable, "-I", script]
    return subprocess.run(command, cwd=example, env={}, capture_output=True, text=True, timeout=60, check=False)


def compressed_bytes(example: Path) -> int:
    bench = run(example, "bench/run.py")
    assert bench.returncode == 0, bench.stderr
    (value,) = re.findall(r"^METRIC compressed_bytes=(\d+)$", bench.stdout, re.MULTILINE)
    return int(value)


def set_constant(example: Path, name: str, value: int) -> None:
    path = example / "src" / "codec.py"
    text, count = re.subn(rf"^{name} = \d+$", f"{name} = {value}", path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def append(example: Path, code: str) -> None:
    path = example / "src" / "codec.py"
    path.write_text(path.read_text() + code)
