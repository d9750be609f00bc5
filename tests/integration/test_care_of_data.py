"""A node's data in its owner's hands: backup, restore, migration, export, wipe. SIGKILL at every point of them loses nothing."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from hive_node.adapters.store.database import HEAD, migrate
from tests.integration.conftest import environment
from tests.integration.processes import hive_node

_KILLED = -9


@pytest.fixture
def node(daemon: Callable[..., Any], tmp_path: Path) -> Any:
    """A node that is stopped; its database says `before`."""
    made = daemon(start=False)
    migrate(made.home.database)
    note(made, "before")
    return made


def note(node: Any, text: str) -> None:
    with closing(sqlite3.connect(node.home.database)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('test', ?)", (json.dumps(text),))


def noted(database: Path) -> str | None:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT value FROM facts WHERE name = 'test'").fetchone()
        return json.loads(found[0]) if found else None


def dying(nth: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return hive_node(str(nth), *words, environment=environment(), module="tests.fakes.dying")


def moments(*words: str) -> int:
    """How many points there are at which the command can be cut off."""
    done = dying(0, *words)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def private(path: Path) -> bool:
    return path.stat().st_mode & 0o777 == 0o600


# --- backup -----------------------------------------------------------------------------------------------------------


def test_a_backup_of_a_running_node_is_of_one_moment_and_private(daemon: Callable[..., Any], tmp_path: Path) -> None:
    node = daemon()
    note(node, "while it runs")
    file = tmp_path / "hive.tar"
    done = node.cli("backup", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert private(file)
    with tarfile.open(file) as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "out", filter="data")
    assert names == ["manifest.json", "config.toml", "hive.db"], "no key, no token unless they were asked for"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["database_schema"], manifest["node"]) == (HEAD, node.client.get("/v1/status")["id"])
    for line in manifest["files"]:
        content = (tmp_path / "out" / line["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (line["size"], line["sha256"])
    assert noted(tmp_path / "out" / "hive.db") == "while it runs"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["hive.tar"]
    again = node.cli("backup", str(file))
    assert (again.returncode, "backup.exists" in again.stderr) == (1, True)


def test_a_backup_sees_whole_transactions_while_others_are_written(node: Any, tmp_path: Path) -> None:
    is_over = Event()
    writer = Thread(target=write_pairs, args=(node.home.database, is_over))
    writer.start()
    try:
        for number in range(3):
            file = tmp_path / f"{number}.tar"
            assert node.cli("backup", str(file)).returncode == 0
            with tarfile.open(file) as archive:
                archive.extract("hive.db", tmp_path, filter="data")
            with closing(sqlite3.connect(tmp_path / "hive.db")) as connection:
                (one,), (other,) = connection.execute(
                    "SELECT value FROM facts WHERE name IN ('left', 'right')"
                ).fetchall()
            assert one == other
    finally:
        is_over.set()
        writer.join()


def write_pairs(database: Path, is_over: Event) -> None:
    """As the node writes: ahead, and in transactions; each changes two rows and adds pages."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        number = 0
        while not is_over.is_set():
            number += 1
            connection.execute("BEGIN IMMEDIATE")
            rows = [("left", str(number)), (f"pad{number}", json.dumps("x" * 4000)), ("right", str(number))]
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)
            connection.execute("COMMIT")


def test_a_backup_killed_at_any_point_leaves_no_half_and_the_next_one_works(node: Any, tmp_path: Path) -> None:
    file = tmp_path / "hive.tar"
    words = ("--home", str(node.home.root), "backup", str(file))
    points = moments(*words)
    assert points >= 8
    whole = hashes_of(file)
    for nth in range(1, points + 1):
        file.unlink(missing_ok=True)
        assert dying(nth, *words).returncode == _KILLED
        assert not file.exists() or hashes_of(file) == whole
        assert noted(node.home.database) == "before"
    file.unlink(missing_ok=True)
    assert node.cli("backup", str(file)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["hive.tar"]
    assert not list(node.home.root.glob("backing-up*"))


def hashes_of(file: Path) -> list[tuple[str, str]]:
    with tarfile.open(file) as archive:
        manifest = json.load(archive.extractfile("manifest.json") or io.BytesIO(b"{}"))
    return [(line["name"], line["sha256"]) for line in manifest["files"]]


# --- restore ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def backed_up(node: Any, tmp_path: Path) -> Path:
    """A backup that says `before`, with keys, of a node that says `after` since."""
    node.home.reports.mkdir(exist_ok=True)
    (node.home.reports / "one.md").write_text("before")
    file = tmp_path / "hive.tar"
    assert node.cli("backup", "--with-keys", str(file)).returncode == 0
    note(node, "after")
    (node.home.reports / "one.md").write_text("after")
    return file


def test_a_restored_node_runs_and_what_it_replaced_is_kept(node: Any, backed_up: Path) -> None:
    done = node.cli("restore", str(backed_up), "--json")
    assert done.returncode == 0, done.stderr
    replaced = Path(json.loads(done.stdout)["replaced"])
    assert (noted(node.home.database), noted(replaced / "hive.db")) == ("before", "after")
    assert (node.home.reports / "one.md").read_text() == "before"
    assert (replaced / "reports" / "one.md").read_text() == "after"
    assert all(private(path) for path in (node.home.database, node.home.key, node.home.token))
    assert node.start().client.get("/v1/status")["store"]["database_schema"] == HEAD


def test_a_backup_with_keys_makes_the_same_node_in_an_empty_folder(node: Any, backed_up: Path, tmp_path: Path) -> None:
    key = node.home.key.read_bytes()
    shutil.rmtree(node.home.root)
    assert node.cli("restore", str(backed_up)).returncode == 0
    assert node.home.key.read_bytes() == key
    node.start()


def test_a_restore_is_refused_while_the_node_runs(node: Any, backed_up: Path) -> None:
    node.start()
    done = node.cli("restore", str(backed_up))
    assert (done.returncode, "home.running" in done.stderr) == (1, True)
    assert noted(node.home.database) == "after"


def test_a_restore_killed_at_any_point_loses_neither_what_was_nor_what_shall_be(
    node: Any, backed_up: Path, tmp_path: Path
) -> None:
    root, saved = node.home.root, tmp_path / "saved"
    shutil.copytree(root, saved, ignore=shutil.ignore_patterns("*.sock"))
    words = ("--home", str(root), "restore", str(backed_up))
    points = moments(*words)
    assert points >= 20
    seen = set()
    for nth in range(1, points + 1):
        shutil.rmtree(root)
        shutil.copytree(saved, root)
        assert dying(nth, *words).returncode == _KILLED
        seen.add(state_after_the_next_start(node))
    assert seen == {"before", "after"}, "early ones change nothing, late ones are finished"


def state_after_the_next_start(node: Any) -> str:
    """What the home says once the node's start has seen to it; checked: nothing is lost, nothing is of both."""
    from hive_node.app import lock_home

    os.close(lock_home(node.home))
    now = noted(node.home.database)
    assert (node.home.reports / "one.md").read_text() == now
    assert node.home.config.is_file()
    assert private(node.home.key)
    assert not node.home.restoring.exists()
    replaced = list(node.home.root.glob("replaced-*/hive.db"))
    assert [noted(one) for one in replaced] == (["after"] if now == "before" else [])
    return str(now)


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with tarfile.open(file) as archive:
        members = {one.name: (archive.extractfile(one) or io.BytesIO()).read() for one in archive}
    change(members)
    made = file.with_name("changed.tar")
    with tarfile.open(made, "w:") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made


def manifest_with(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | changes).encode()

    return change


def naming(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        tree = json.loads(members["manifest.json"])
        tree["files"].append({"name": name, "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()})
        members["manifest.json"] = json.dumps(tree).encode()
        members[name] = b"x"

    return change


HOSTILE: dict[str, tuple[str, Callable[[dict[str, bytes]], Any]]] = {
    "a flipped byte": (
        "backup.damaged",
        lambda members: members.update({"config.toml": b"X" + members["config.toml"][1:]}),
    ),
    "a member more": ("backup.damaged", lambda members: members.update({"more": b"x"})),
    "a member less": ("backup.damaged", lambda members: members.pop("hive.db")),
    "no manifest": ("backup.not-one", lambda members: members.pop("manifest.json")),
    "a way out": ("backup.damaged", naming("reports/../../out")),
    "a place of its own": ("backup.damaged", naming("/tmp/out")),
    "a name that is not ours": ("backup.damaged", naming("authorized_keys")),
    "a newer schema": ("store.newer", manifest_with(database_schema="9999")),
    "a newer format": ("backup.newer", manifest_with(format=2, anything="else")),
    "another node's": ("restore.other-node", manifest_with(node="0" * 64)),
    "another schema than it says": ("backup.damaged", manifest_with(database_schema="0001")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_sound_backup_is_refused_by_name_and_nothing_is_touched(
    node: Any, backed_up: Path, tmp_path: Path, case: str
) -> None:
    code, change = HOSTILE[case]
    before = tree_of(node.home.root)
    done = node.cli("restore", str(rewritten(backed_up, change)))
    assert (done.returncode, code in done.stderr) == (1, True), done.stderr
    assert tree_of(node.home.root) == before
    assert not Path("/tmp/out").exists()


def test_a_cut_off_archive_and_a_link_in_it_are_refused(node: Any, backed_up: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(backed_up.read_bytes()[:-30_000])
    linked = tmp_path / "linked.tar"
    with tarfile.open(backed_up) as old, tarfile.open(linked, "w:") as new:
        for one in old:
            content = old.extractfile(one)
            if one.name == "config.toml":
                one.type, one.linkname, one.size = tarfile.SYMTYPE, "/etc/passwd", 0
            new.addfile(one, content)
    for file in (cut, linked):
        done = node.cli("restore", str(file))
        assert (done.returncode, "backup.damaged" in done.stderr) == (1, True), done.stderr
    assert noted(node.home.database) == "after"


def test_a_backup_without_the_key_needs_the_key_in_place(node: Any, tmp_path: Path) -> None:
    file = tmp_path / "hive.tar"
    assert node.cli("backup", str(file)).returncode == 0
    assert node.cli("restore", str(file)).returncode == 0, "its own key is there"
    shutil.move(key := node.home.key, tmp_path / "node.key")
    done = node.cli("restore", str(file))
    assert (done.returncode, "restore.no-key" in done.stderr) == (1, True)
    shutil.move(tmp_path / "node.key", key)
    node.home.token.unlink()
    assert node.cli("restore", str(file)).returncode == 0
    node.start()


def tree_of(root: Path) -> dict[str, bytes]:
    # Looking at a database makes and takes its -wal and -shm.
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
    }


# --- migration --------------------------------------------------------------------------------------------------------


@pytest.fixture
def old_database(tmp_path: Path) -> Path:
    """A database of an earlier program, with something in it."""
    from alembic import command
    from alembic.config import Config

    import hive_node.adapters.store.database as store

    path = tmp_path / "old" / "hive.db"
    path.parent.mkdir()
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).with_name("migrations")))
    config.attributes["database"] = str(path)
    command.upgrade(config, "0005")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO facts VALUES ('test', '\"before\"')")
    return path


def schema_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_a_migration_killed_at_any_point_is_done_by_the_next_start_and_leaves_the_old_file(
    old_database: Path, tmp_path: Path
) -> None:
    folder, saved = old_database.parent, tmp_path / "saved"
    shutil.copytree(folder, saved)
    points = moments("migrate", str(old_database))
    assert points >= 20
    for nth in range(1, points + 1):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        assert dying(nth, "migrate", str(old_database)).returncode == _KILLED
        assert schema_of(old_database) in {"0005", HEAD}, "all of it or nothing"
        assert noted(old_database) == "before"
    assert dying(0, "migrate", str(old_database)).returncode == 0
    kept = folder / "hive.schema-0005.db"
    assert (schema_of(old_database), schema_of(kept), noted(kept), private(kept)) == (HEAD, "0005", "before", True)
    assert sorted(path.name for path in folder.iterdir()) == ["hive.db", "hive.schema-0005.db"]


def test_a_database_of_a_newer_program_is_refused_by_name(node: Any) -> None:
    with closing(sqlite3.connect(node.home.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = node.run_once()
    assert (done.returncode, "store.newer" in done.stderr, HEAD in done.stderr) == (1, True, True)


# --- export, wipe -----------------------------------------------------------------------------------------------------


def test_an_export_holds_every_row_of_every_table_but_no_secret(daemon: Callable[..., Any], knob_project: Path) -> None:
    node = daemon()
    for words in (("hive", "create", "team"), ("hive", "invite"), ("project", "add", str(knob_project))):
        assert node.cli(*words).returncode == 0
    head, *rows = map(json.loads, node.cli("export").stdout.splitlines())
    assert (head["hive_node_export"], head["schema"]) == (1, HEAD)
    of = lambda table: [row["row"] for row in rows if row["table"] == table]  # noqa: E731
    assert of("projects")[0]["document"]["path"] == str(knob_project), "JSON is JSON"
    assert of("charters")[0]["envelope"].keys() == {"base64"}
    assert [row["secret"] for row in of("invites")] == [None]
    with closing(sqlite3.connect(node.home.database)) as connection:
        for table in {row["table"] for row in rows} - {"events"}:
            assert len(of(table)) == connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_wipe_says_what_goes_asks_and_leaves_what_is_not_its_own(node: Any) -> None:
    (node.home.root / "letter.txt").write_text("mine")
    asked = node.cli("wipe")
    assert (asked.returncode, str(node.home.key) in asked.stdout, "--yes" in asked.stderr) == (2, True, True)
    assert noted(node.home.database) == "before"
    node.start()
    assert "home.running" in node.cli("wipe", "--yes").stderr
    node.stop()
    assert node.cli("wipe", "--yes").returncode == 0
    assert [path.name for path in node.home.root.iterdir()] == ["letter.txt"]
    assert node.cli("wipe", "--yes").returncode == 1


def test_a_wipe_killed_at_any_point_is_done_by_the_next(node: Any, tmp_path: Path) -> None:
    root, saved = node.home.root, tmp_path / "saved"
    shutil.copytree(root, saved, ignore=shutil.ignore_patterns("*.sock"))
    for nth in (2, 4, 6):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(saved, root)
        assert dying(nth, "--home", str(root), "wipe", "--yes").returncode == _KILLED
        assert node.cli("wipe", "--yes").returncode == 0
        assert not root.exists()


def test_files_of_coding_agents_are_given_back_before_their_only_record_is_wiped(node: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(node.home.database)) as connection, connection:
        connection.execute("INSERT INTO agent_files VALUES ('a', '/somewhere/AGENTS.md', x'00', x'01', '[]')")
    done = node.cli("wipe", "--yes")
    assert (done.returncode, "wipe.agents" in done.stderr, "/somewhere/AGENTS.md" in done.stdout) == (1, True, True)
    assert node.cli("wipe", "--yes", "--leave-agents").returncode == 0
