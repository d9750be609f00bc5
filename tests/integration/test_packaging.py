"""What is released: the same bytes from the same commit, installable as it is, with every file that the program looks for."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from hive_node import __version__
from hive_node.config.node import NodeConfig
from hive_node.config.toml import parse_toml
from tests.integration.conftest import environment

pytest.importorskip("hatchling", reason="`make install` brings it")
ROOT = Path(__file__).resolve().parents[2]
WHEEL, SDIST = f"hive_node-{__version__}-py3-none-any.whl", f"hive_node-{__version__}.tar.gz"


def run(*command: str, folder: Path, **more: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment() | more, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two clones of this commit, in folders of different names and ages; each ran `scripts/release`."""
    folders = [tmp_path_factory.mktemp(name) / "hive-node" for name in ("one", "another-place")]
    for folder, umask in zip(folders, (0o022, 0o077), strict=True):
        before = os.umask(umask)
        try:
            run("git", "clone", "-q", "--depth", "1", f"file://{ROOT}", str(folder), folder=ROOT)
            run("scripts/release", folder=folder, PYTHON=sys.executable)
        finally:
            os.umask(before)
    return folders[0], folders[1]


def test_two_releases_of_one_commit_are_equal_to_the_byte(released: tuple[Path, Path]) -> None:
    one, other = ((folder / "dist") for folder in released)
    assert sorted(path.name for path in one.iterdir()) == sorted(["SHA256SUMS", SDIST, WHEEL])
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes(), path.name


def test_a_wheel_made_from_the_source_distribution_holds_what_the_released_one_does(
    released: tuple[Path, Path], tmp_path: Path
) -> None:
    with tarfile.open(released[0] / "dist" / SDIST) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / SDIST.removesuffix(".tar.gz")
    date = run("git", "log", "-1", "--format=%ct", folder=released[0]).strip()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist", folder=folder, SOURCE_DATE_EPOCH=date)
    assert contents(folder / "dist" / WHEEL) == contents(released[0] / "dist" / WHEEL)


def contents(wheel: Path) -> dict[str, bytes]:
    # RECORD lists the others in the archive's own order, which is not the same.
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_changes_that_are_not_committed_are_not_released(released: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(released[0], folder := tmp_path / "changed")
    (folder / "hive_node" / "more.py").write_text("")
    done = subprocess.run(["scripts/release"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "hive_node/more.py" in done.stderr) == (1, True)


def test_the_installed_program_finds_all_that_it_is_shipped_with(released: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, place = released[0] / "dist" / WHEEL, tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(place), folder=tmp_path)
    run(sys.executable, "-m", "pip", "-q", "--python", str(place / "bin/python"), "install", "--no-deps", "--no-index",
        "--disable-pip-version-check", str(wheel), folder=tmp_path)  # fmt: skip
    (site,) = place.glob("lib/python*/site-packages")
    # What it depends on is here already; the package itself must be the wheel's, and nothing of the checkout's.
    parts = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(parts))
    own = {"PYTHONPATH": "", "HIVE_NODE_HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    program = str(place / "bin" / "hive-node")

    assert run(program, "--version", folder=tmp_path, **own) == f"hive-node {__version__}\n"
    run(program, "init", folder=tmp_path, **own)
    run(program, "service", "install", folder=tmp_path, **own)
    unit = (tmp_path / "config/systemd/user/hive-node.service").read_text()
    assert f'ExecStart="{program}" "--home" "{tmp_path}/home" "run"' in unit
    commit = run("git", "rev-parse", "HEAD", folder=released[0]).strip()
    told = "from hive_node.config.build import build; from hive_node.cli.demo import example_folder as example; print(build(), example('lz-window'))"
    assert run(str(place / "bin/python"), "-c", told, folder=tmp_path, **own).split() == [
        commit, str(site / "hive_node/_configs/examples/lz-window")]  # fmt: skip
    assert (place / "share/man/man1/hive-node.1").is_file()
    # Rules and word lists of every guard are read by this.
    found = run(program, "constitution", "check", "--help", folder=tmp_path, **own)
    assert "Usage" in found


def test_every_file_of_the_packages_that_is_no_code_is_in_the_wheel(released: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(released[0] / "dist" / WHEEL) as wheel:
        names = set(wheel.namelist())
    listed = run("git", "ls-files", "hive_node", "protocol", "guardrails", folder=released[0]).splitlines()
    assert set(listed) <= names
    assert {"hive_node/_systemd/system/hive-node.service", "hive_node/_configs/team.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/")) or ".pyc" in name]


# --- the manual page --------------------------------------------------------------------------------------------------


def test_the_manual_page_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from scripts.make_man import page; print(page(), end='')"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / "docs" / "hive-node.1").read_text() == done.stdout, "run `make man`"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_finds_nothing_wrong_with_the_manual_page() -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "docs/hive-node.1"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "hive-node backup FILE" in re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)


# --- configs ----------------------------------------------------------------------------------------------------------


def test_what_is_commented_out_in_the_default_settings_are_the_defaults() -> None:
    text = (ROOT / "configs" / "default.toml").read_text()
    as_shipped = parse_toml(text, NodeConfig, "default.toml")
    optional = re.compile(r"^# \[(?:federation|model)\].*?(?=^\[)", re.MULTILINE | re.DOTALL)
    written = re.sub(r"^# (\w+ = (?!.*none by default))", r"\1", optional.sub("", text), flags=re.MULTILINE)
    assert parse_toml(written, NodeConfig, "default.toml") == as_shipped
    bare = tomllib.loads('[node]\nname = "desk"\nowner = "ada"\n')
    assert as_shipped == NodeConfig.model_validate(bare)


def test_an_air_gapped_node_opens_nothing_and_asks_nobody_elsewhere() -> None:
    config = parse_toml((ROOT / "configs" / "air-gapped.toml").read_text(), NodeConfig, "air-gapped.toml")
    assert (config.federation, config.api.tcp) == (None, False)
    assert config.model is not None
    assert config.model.is_loopback


def test_the_team_example_says_where_it_listens() -> None:
    config = parse_toml((ROOT / "configs" / "team.toml").read_text(), NodeConfig, "team.toml")
    assert config.federation is not None
    assert config.federation.mdns.interfaces == ("eth0",)
