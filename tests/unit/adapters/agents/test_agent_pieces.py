"""What is put into a user's file can be taken out again to the byte, whatever the user did around it."""

import json
from collections.abc import Sequence

import pytest

from hive_node.adapters.agents import jsonc
from hive_node.adapters.agents.aider_settings import CONVENTIONS, AiderSettings
from hive_node.adapters.agents.blocks import HASH, Block, OwnFile
from hive_node.adapters.agents.hooks import EVENTS, Hooks
from hive_node.ports.agents import AgentFault, Piece

BLOCK = Block("AGENTS.md", "One.\n\nTwo.")
HOOKS = Hooks(".claude/settings.json", "/opt/hive node/bin/hive-node --home /h")
COMMENTED = """\
{
  // what I like
  "model": "opus", /* keep it */
  "hooks": {
    "Stop": [
      {"matcher": "", "hooks": [{"type": "command", "command": "notify-send done"}]}, // mine
    ],
  },
  "permissions": {"allow": ["Bash(ls:*)",], "deny": []}
}
"""


@pytest.mark.parametrize(
    "content",
    [b"", b"# Rules\n", b"# Rules", b"# Rules\r\nBe kind.\r\n", b"# Rules\r\nBe kind.", b"\xff\xfe\x00", b"\n\n\n"],
)
@pytest.mark.parametrize("piece", [BLOCK, Block("x.yml", "a: 1", HASH)])
def test_a_block_comes_out_as_it_went_in(piece: Block, content: bytes) -> None:
    done = piece.put(content)
    assert done is not None
    assert done.startswith(content)
    assert piece.take(done, content) == content
    assert piece.put(done) == done, "a second time changes nothing"
    if b"\r\n" in content:
        assert b"\n" not in done.removeprefix(content).replace(b"\r\n", b""), "lines end as the file's do"


def test_a_block_that_its_user_moved_is_replaced_where_it_stands_and_taken_out_from_there() -> None:
    placed = BLOCK.put(b"# Rules\n") or b""
    block = placed.removeprefix(b"# Rules\n")
    moved = block + b"# Rules\n"
    other = Block("AGENTS.md", "Three.").put(moved) or b""
    assert other.endswith(b"# Rules\n")
    assert b"Three." in other
    assert b"Two." not in other
    assert BLOCK.take(other, b"# Rules\n") == b"# Rules\n"


def test_a_file_that_is_all_ours_goes_and_one_that_was_empty_stays() -> None:
    assert BLOCK.take(BLOCK.put(None) or b"", None) is None
    assert BLOCK.take(BLOCK.put(b"") or b"", b"") == b""
    assert BLOCK.take((BLOCK.put(None) or b"") + b"mine\n", None) == b"mine\n"


def test_nothing_to_say_is_no_block_and_no_file() -> None:
    empty = Block("AGENTS.md", "")
    assert empty.put(None) is None
    assert empty.put(BLOCK.put(b"# Rules")) == b"# Rules"
    assert OwnFile("x", "").put(b"old") is None
    assert OwnFile("x", "new").put(None) == b"new"


@pytest.mark.parametrize(
    "broken",
    [
        b"<!-- hive-node:begin -->\nhalf\n",
        b"half\n<!-- hive-node:end -->\n",
        b"<!-- hive-node:end -->\n<!-- hive-node:begin -->\n",
        b"<!-- hive-node:begin -->\n<!-- hive-node:end -->\n" * 2,
    ],
)
def test_marks_that_somebody_broke_are_left_alone_and_said_so(broken: bytes) -> None:
    for work in (BLOCK.put, BLOCK.ours):
        with pytest.raises(AgentFault, match="put them right"):
            work(broken)


# --- settings.json ---


def hooks_of(content: bytes | None) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = jsonc.read((content or b"").decode()).value["hooks"]
    return found


def test_hooks_stand_in_the_shape_that_claude_code_reads() -> None:
    tree = json.loads(HOOKS.put(None) or b"")
    assert set(tree["hooks"]) == set(EVENTS)
    for event in EVENTS:
        ((entry,),) = [tree["hooks"][event]]
        assert set(entry) == {"matcher", "hooks"}
        ((hook,),) = [entry["hooks"]]
        assert hook["type"] == "command"
        assert hook["command"].endswith(f" agent hook {event}")
        assert hook["timeout"] >= 2


def test_what_the_user_wrote_and_commented_stays_word_for_word() -> None:
    done = (HOOKS.put(COMMENTED.encode()) or b"").decode()
    for line in COMMENTED.splitlines():
        assert line.strip() in done
    stop = hooks_of(done.encode())["Stop"]
    assert [entry["hooks"][0]["command"].split()[-1] for entry in stop] == ["Stop", "done"]  # type: ignore[index]
    assert HOOKS.put(done.encode()) == done.encode(), "a second time changes nothing"


@pytest.mark.parametrize(
    "text",
    [COMMENTED, COMMENTED.replace("\n", "\r\n"), "{}", "{ }", "{}\n", '{"hooks": {}}', '{"hooks": {"Stop": []}}', '{"a": 1}', '{ // c\n}', '\ufeff{"a": 1}', '{"hooks": {"PreToolUse": []},}', '{"a": {"hooks": 1}}'],
)  # fmt: skip
def test_settings_come_out_as_they_went_in_also_by_the_knife(text: str) -> None:
    content = text.encode()
    assert HOOKS.take(HOOKS.put(content) or b"", content) == content


def test_what_the_user_added_since_stays_and_ours_goes() -> None:
    done = (HOOKS.put(COMMENTED.encode()) or b"").decode()
    edited = done.replace('"model": "opus"', '"model": "sonnet", "theme": "dark"')
    taken = HOOKS.take(edited.encode(), COMMENTED.encode())
    assert taken == COMMENTED.replace('"model": "opus"', '"model": "sonnet", "theme": "dark"').encode()


def test_an_older_command_of_ours_is_replaced_and_not_doubled() -> None:
    older = Hooks(HOOKS.path, "/old/python -m hive_node --home /elsewhere").put(COMMENTED.encode())
    stop = hooks_of(HOOKS.put(older))["Stop"]
    assert len(stop) == 2
    assert b"/elsewhere" not in (HOOKS.put(older) or b"")


def test_ours_is_told_from_a_users_entry_that_speaks_of_us() -> None:
    mine = (
        '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "echo hive-node agent hook Stop is next"}]}]}}'
    )
    assert HOOKS.ours(mine.encode()) is None
    assert HOOKS.take(mine.encode(), mine.encode()) == mine.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        '{"a": }',
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        "{'a': 1}",
        "nonsense",
        "{" * 200,
        '{"a": "\n"}',
        '{"a": 1} x',
        '{"a": 01}',
    ],
)
def test_what_is_no_json_is_refused_and_never_repaired(text: str) -> None:
    if text:
        with pytest.raises(AgentFault, match=r"settings\.json:\d+"):
            HOOKS.put(text.encode())
        with pytest.raises(jsonc.NotJson):
            jsonc.read(text)


@pytest.mark.parametrize("text", ["[]", '{"hooks": []}', '{"hooks": 3}', '{"hooks": {"Stop": {}}}'])
def test_settings_of_another_shape_are_left_alone(text: str) -> None:
    with pytest.raises(AgentFault):
        HOOKS.put(text.encode())


# --- .aider.conf.yml ---


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("", f"read: [{CONVENTIONS}]"),
        ("dark-mode: true\n", f"read: [{CONVENTIONS}]"),
        ("read: CONVENTIONS.md\nauto-commits: false\n", f"read: [{CONVENTIONS}, CONVENTIONS.md]"),
        ("read: [a.md, b.md] # both\n", f"read: [{CONVENTIONS}, a.md, b.md] # both"),
        ("read: []\n", f"read: [{CONVENTIONS}]"),
        ("read:\n  - a.md\n  - b.md\n", f"read:\n  - {CONVENTIONS}\n  - a.md\n"),
        ("read:\n- a.md\n", f"read:\n- {CONVENTIONS}\n- a.md\n"),
        ("read:\r\n  - a.md\r\n", f"read:\r\n  - {CONVENTIONS}\r\n  - a.md\r\n"),
        ("# read: no\nx: 1", f"read: [{CONVENTIONS}]"),
    ],
)
def test_aider_reads_one_file_more_in_whichever_form_its_user_wrote_that(text: str, reads: str) -> None:
    piece = AiderSettings(reads=True)
    done = piece.put(text.encode()) or b""
    assert reads in done.decode()
    assert piece.put(done) == done
    assert piece.take(done, text.encode()) == text.encode()
    assert piece.ours(done) is not None
    assert piece.ours(text.encode()) is None


def test_aider_is_given_a_model_only_in_our_own_block() -> None:
    piece = AiderSettings(reads=False, model="sonnet")
    done = piece.put(b"dark-mode: true\n") or b""
    assert done.decode().splitlines()[1:] == ["# hive-node:begin", "model: sonnet", "# hive-node:end"]
    assert piece.take(done, b"dark-mode: true\n") == b"dark-mode: true\n"
    assert b"model: sonnet" in (piece.put(b"# model: opus\nweak-model: haiku\n") or b"")
    with pytest.raises(AgentFault, match="leave out --model"):
        piece.put(b"x: 1\nmodel: opus\n")
    assert AiderSettings(reads=False).put(None) is None


def test_two_lists_of_files_are_left_alone() -> None:
    with pytest.raises(AgentFault, match="more than once"):
        AiderSettings(reads=True).put(b"read: a\nread: b\n")


def test_every_piece_names_a_file_inside_the_folder() -> None:
    pieces: Sequence[Piece] = [BLOCK, HOOKS, AiderSettings(reads=True), OwnFile("a/b", "x")]
    assert all(not piece.path.startswith(("/", "..")) for piece in pieces)
