"""Files on disk: whole or not at all, modes kept, edits set aside, and everything given back to the byte."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_node.adapters.agents.blocks import Block, OwnFile
from hive_node.adapters.agents.hooks import Hooks
from hive_node.adapters.agents.placing import Placer
from hive_node.ports.agents import AgentFault, TouchedFile

ONE, TWO = Block("AGENTS.md", "One."), Block("AGENTS.md", "Two.")


class Notes:
    """Rows in memory, which a placer made anew finds again: as after a restart."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], TouchedFile] = {}

    async def touched(self, agent: str) -> list[TouchedFile]:
        return [row for (name, _), row in self.rows.items() if name == agent]

    async def keep_touched(self, file: TouchedFile) -> None:
        self.rows[file.agent, file.path] = file

    async def forget_touched(self, agent: str, path: str) -> None:
        del self.rows[agent, path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    return tmp_path / "repo"


@pytest.fixture
def placer(tmp_path: Path) -> Placer:
    return Placer(Notes(), tmp_path / "kept")


@pytest.mark.parametrize("content", [None, b"", b"# Rules\n", b"# Rules", b"a\r\nb\r\n", b"a\r\nb"])
async def test_what_was_put_there_is_taken_back_to_the_byte(
    placer: Placer, folder: Path, content: bytes | None
) -> None:
    file = folder / "AGENTS.md"
    if content is not None:
        file.write_bytes(content)
    for piece in (ONE, TWO, ONE):
        assert await placer.place("a", folder, [piece]) == []
        assert piece.text.encode() in file.read_bytes()
        assert await placer.is_in_place(folder, [piece])
    assert await placer.forget("a", folder, [ONE]) == []
    assert (file.read_bytes() if file.exists() else None) == content
    assert await placer.notes.touched("a") == []


@pytest.mark.parametrize("content", [b"# Rules\r\nBe kind.\r\n", b"# Rules\nBe kind."])
async def test_a_block_that_was_moved_goes_and_the_rest_is_what_it_was(
    placer: Placer, folder: Path, content: bytes
) -> None:
    file = folder / "AGENTS.md"
    file.write_bytes(content)
    await placer.place("a", folder, [ONE])
    block = file.read_bytes().removeprefix(content).lstrip(b"\r\n")
    eol = b"" if content.endswith(b"\n") else b"\n"
    file.write_bytes(block + content + eol)
    assert await placer.forget("a", folder, [ONE]) == []
    assert file.read_bytes() == content


async def test_a_block_that_was_edited_is_set_aside_and_said_so(placer: Placer, folder: Path) -> None:
    file = folder / "AGENTS.md"
    file.write_bytes(b"# Rules\n")
    await placer.place("a", folder, [ONE])
    file.write_bytes(file.read_bytes().replace(b"One.", b"One, as I would have it."))
    (kept,) = await placer.forget("a", folder, [ONE])
    assert file.read_bytes() == b"# Rules\n"
    assert kept.path == "AGENTS.md"
    assert kept.copy.read_bytes() == b"One, as I would have it.\n"
    assert kept.copy.stat().st_mode & 0o077 == 0


async def test_an_edited_block_is_set_aside_also_before_another_variant_takes_its_place(
    placer: Placer, folder: Path
) -> None:
    await placer.place("a", folder, [ONE])
    file = folder / "AGENTS.md"
    file.write_bytes(file.read_bytes().replace(b"One.", b"Mine."))
    (kept,) = await placer.place("a", folder, [TWO])
    assert kept.copy.read_bytes() == b"Mine.\n"
    assert b"Two." in file.read_bytes()


async def test_what_the_user_wrote_since_stays_although_the_file_was_placed_again(placer: Placer, folder: Path) -> None:
    file = folder / "AGENTS.md"
    file.write_bytes(b"# Rules\n")
    await placer.place("a", folder, [ONE])
    file.write_bytes(b"# Better rules\n" + file.read_bytes())
    await placer.place("a", folder, [TWO])
    await placer.forget("a", folder, [TWO])
    assert file.read_bytes() == b"# Better rules\n# Rules\n"


async def test_folders_that_were_made_go_unless_somebody_uses_them(placer: Placer, folder: Path) -> None:
    piece = OwnFile(".cursor/rules/hive-node.mdc", "x")
    await placer.place("a", folder, [piece])
    await placer.forget("a", folder, [piece])
    assert list(folder.iterdir()) == []
    await placer.place("a", folder, [piece])
    (folder / ".cursor" / "mine").write_text("x")
    await placer.forget("a", folder, [piece])
    assert [path.name for path in (folder / ".cursor").iterdir()] == ["mine"]


async def test_a_file_of_ours_that_its_user_changed_is_set_aside(placer: Placer, folder: Path) -> None:
    piece = OwnFile("x.md", "ours")
    await placer.place("a", folder, [piece])
    (folder / "x.md").write_text("theirs")
    (kept,) = await placer.forget("a", folder, [piece])
    assert kept.copy.read_text() == "theirs"
    assert not (folder / "x.md").exists()


async def test_a_file_that_its_user_took_away_stays_away(placer: Placer, folder: Path) -> None:
    await placer.place("a", folder, [ONE])
    (folder / "AGENTS.md").unlink()
    assert await placer.forget("a", folder, [ONE]) == []
    assert not (folder / "AGENTS.md").exists()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
async def test_a_files_mode_is_never_widened(placer: Placer, folder: Path, mode: int) -> None:
    file = folder / "AGENTS.md"
    file.write_bytes(b"x")
    file.chmod(mode)
    await placer.place("a", folder, [ONE])
    assert file.stat().st_mode & 0o7777 == mode
    await placer.forget("a", folder, [ONE])
    assert file.stat().st_mode & 0o7777 == mode


async def test_a_link_is_followed_inside_the_folder_and_never_out_of_it(
    placer: Placer, folder: Path, tmp_path: Path
) -> None:
    (folder / "CLAUDE.md").write_bytes(b"# Rules\n")
    (folder / "AGENTS.md").symlink_to("CLAUDE.md")
    await placer.place("a", folder, [ONE])
    assert (folder / "AGENTS.md").is_symlink()
    assert b"One." in (folder / "CLAUDE.md").read_bytes()
    await placer.forget("a", folder, [ONE])
    assert (folder / "CLAUDE.md").read_bytes() == b"# Rules\n"
    (folder / "AGENTS.md").unlink()
    (tmp_path / "elsewhere").write_bytes(b"not yours")
    (folder / "AGENTS.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AgentFault, match="leads out"):
        await placer.place("a", folder, [ONE])
    assert (tmp_path / "elsewhere").read_bytes() == b"not yours"


async def test_killed_between_the_row_and_the_file_the_next_start_puts_it_in_place_and_forgets_to_the_byte(
    placer: Placer, folder: Path
) -> None:
    file = folder / "AGENTS.md"
    file.write_bytes(b"# Rules")
    await placer.notes.keep_touched(TouchedFile("a", "AGENTS.md", b"# Rules", ONE.put(b"# Rules")))
    await placer.place("a", folder, [ONE])
    assert b"One." in file.read_bytes()
    await placer.forget("a", folder, [ONE])
    assert file.read_bytes() == b"# Rules"


@pytest.fixture
def as_anybody() -> Iterator[None]:
    """Without root's right to write everywhere (capset(2)): in this thread, and in those that it starts meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    version, override = (ctypes.c_uint32 * 2)(0x20080522, 0), 1 << 1
    before = (ctypes.c_uint32 * 6)()
    assert libc.capget(version, before) == 0
    less = (ctypes.c_uint32 * 6)(before[0] & ~override, *before[1:])
    assert libc.capset(version, less) == 0
    yield
    assert libc.capset(version, before) == 0


@pytest.mark.usefixtures("as_anybody")
async def test_a_folder_that_cannot_be_written_is_said_so_and_is_left_as_it_was(placer: Placer, folder: Path) -> None:
    (folder / "AGENTS.md").write_bytes(b"# Rules")
    folder.chmod(0o500)
    with pytest.raises(AgentFault, match="Permission denied; nothing in it was changed"):
        await placer.place("a", folder, [TWO])
    assert (folder / "AGENTS.md").read_bytes() == b"# Rules"
    folder.chmod(0o700)
    await placer.place("a", folder, [TWO])
    await placer.forget("a", folder, [TWO])
    assert (folder / "AGENTS.md").read_bytes() == b"# Rules", "the row that was there first lost nothing"


async def test_a_folder_that_its_user_took_away_is_not_made_again(placer: Placer, folder: Path) -> None:
    await placer.place("a", folder, [ONE])
    (folder / "AGENTS.md").unlink()
    folder.rmdir()
    with pytest.raises(AgentFault, match="is gone") as gone:
        await placer.place("a", folder, [TWO])
    assert gone.value.code == "agent.folder-gone"
    assert not folder.exists()
    assert await placer.forget("a", folder, [TWO]) == []
    assert not folder.exists()


async def test_no_half_written_file_and_no_leftover_when_the_disk_is_full(
    placer: Placer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_bytes(b'{"model": "opus"}')

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(AgentFault, match="No space left"):
        await placer.place("a", folder, [Hooks(".claude/settings.json", "hive-node --home /h")])
    assert file.read_bytes() == b'{"model": "opus"}'
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]
