"""The walls: imports point one way, proofs are minted in one place, settings and documents agree with the code."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hive_node.config.node import NodeConfig, node_config_template
from hive_node.config.project import ProjectSpec, parse_project_spec
from hive_node.config.toml import Section, parse_toml

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "guardrails", "hive_node")
MINTS = {
    "Verified": "protocol/verification.py",
    "Membership": "protocol/verification.py",
    "InScope": "guardrails/scope/guard.py",
    "Permit": "guardrails/maturity.py",
}


def modules(root: Path = ROOT) -> list[Path]:
    return [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]


def minted_elsewhere(root: Path = ROOT) -> list[str]:
    """Every call of a proof's constructor outside its one module, under whatever name it was imported."""
    found = []
    for path in modules(root):
        place = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {name: name for name in MINTS}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names |= {alias.asname: alias.name for alias in node.names if alias.asname and alias.name in MINTS}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func.value if isinstance(node.func, ast.Subscript) else node.func
                called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                proof = names.get(called, "")
                if proof and MINTS[proof] != place:
                    found.append(f"{place}:{node.lineno} mints {proof}")
    return found


def test_verified_and_in_scope_are_minted_in_one_module_each() -> None:
    assert minted_elsewhere() == []


@pytest.mark.parametrize(
    "line",
    [
        "from protocol.verification import Verified\nx = Verified(1, None)",
        "from protocol.verification import Verified as V\nx = V(1, None)",
        "import guardrails.scope as s\nx = s.InScope(1, None, None)",
        "from guardrails.scope import InScope\nx = InScope[int](1, None, None)",
    ],
)
def test_a_module_that_mints_a_proof_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "hive_node" / "learn").mkdir(parents=True)
    (tmp_path / "hive_node" / "learn" / "shortcut.py").write_text(line)
    assert minted_elsewhere(tmp_path)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
    )


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("protocol/feed.py", "import aiohttp"),
        ("guardrails/budget.py", "import time"),
        ("protocol/feed.py", "import guardrails.verdict"),
        ("hive_node/operators/tune.py", "import hive_node.improve.pipeline"),
        ("hive_node/utils.py", ""),
    ],
)
def test_an_import_against_the_grain_or_a_stray_module_fails_the_build(tmp_path: Path, module: str, line: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert lint_imports(tmp_path).returncode == 0, "the copy is clean before the change"
    changed = tmp_path / module
    changed.write_text((changed.read_text() if changed.exists() else '"""Odds and ends."""\n') + f"\n{line}\n")
    assert lint_imports(tmp_path).returncode != 0


def test_the_import_contracts_hold_as_shipped() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


def test_the_newest_migration_is_the_one_the_store_expects() -> None:
    from hive_node.adapters.store.database import HEAD

    versions = ROOT / "hive_node/adapters/store/migrations/versions"
    assert max(path.name.split("_")[0] for path in versions.glob("[0-9]*.py")) == HEAD


def test_the_migrations_make_exactly_the_declared_tables(tmp_path: Path) -> None:
    import sqlalchemy as sa

    from hive_node.adapters.store.database import migrate
    from hive_node.adapters.store.tables import METADATA

    migrate(tmp_path / "hive.db")
    migrated, declared = sa.create_engine(f"sqlite:///{tmp_path}/hive.db"), sa.create_engine("sqlite://")
    METADATA.create_all(declared)
    try:
        for engine_of in (migrated, declared):
            engine_of.connect().close()
        one, other = sa.inspect(migrated), sa.inspect(declared)
        assert set(one.get_table_names()) - {"alembic_version"} == set(other.get_table_names())
        for table in other.get_table_names():
            columns = [
                {(c["name"], str(c["type"]), c["nullable"]) for c in side.get_columns(table)} for side in (one, other)
            ]
            indexes = [
                {(tuple(i["column_names"]), i["unique"]) for i in side.get_indexes(table)} for side in (one, other)
            ]
            assert columns[0] == columns[1], table
            assert indexes[0] == indexes[1], table
    finally:
        migrated.dispose()
        declared.dispose()


def keys_of(section: type[Section], prefix: str = "") -> set[str]:
    found = set()
    for name, field in section.model_fields.items():
        inner = [part for part in _types(field.annotation) if isinstance(part, type) and issubclass(part, Section)]
        found |= {f"{prefix}{name}"} if not inner else set()
        for part in inner:
            found |= keys_of(part, f"{prefix}{name}.")
    return found


def _types(annotation: object) -> list[object]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(found for one in arguments for found in _types(one))]


@pytest.mark.parametrize(("model", "page"), [(NodeConfig, "config-toml.md"), (ProjectSpec, "hive-toml.md")])
def test_every_setting_is_documented_and_every_documented_setting_exists(model: type[Section], page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_.]+)`", text, re.MULTILINE))
    assert documented == keys_of(model)


def test_the_settings_that_init_writes_load() -> None:
    text = node_config_template(
        name='a "quoted" name', owner="owner", listen="0.0.0.0", peer_port=7740, api_port=7741, mdns="all"
    )
    assert parse_toml(text, NodeConfig, "config.toml").node.name == 'a "quoted" name'


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.toml")), ids=lambda path: path.name)
def test_every_file_in_configs_loads(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "hive.toml":
        parse_project_spec(text, str(path))
    else:
        parse_toml(text, NodeConfig, str(path))


def test_the_version_is_one() -> None:
    from hive_node import __version__

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
