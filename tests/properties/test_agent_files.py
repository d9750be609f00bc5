"""Whatever a user's file says: our part goes in and comes out, and every other byte stays."""

import json
from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st

from hive_node.adapters.agents import jsonc
from hive_node.adapters.agents.aider_settings import CONVENTIONS, AiderSettings
from hive_node.adapters.agents.blocks import Block
from hive_node.adapters.agents.hooks import Hooks
from hive_node.ports.agents import AgentFault

HOOKS = Hooks("s.json", "hive-node --home /h")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\t", "// it's mine {\n", "/* , ] */", " /**/\n  "])


@st.composite
def commented(draw: st.DrawFn, value: object) -> str:
    """JSON of that value with comments, blanks and trailing commas anywhere that they may stand."""
    blank = lambda: draw(BLANKS)  # noqa: E731 - short is plainer here
    if isinstance(value, dict):
        members = [
            f"{blank()}{json.dumps(key)}{blank()}:{blank()}{draw(commented(one))}{blank()}"
            for key, one in value.items()
        ]
        opens, closes = "{", "}"
    elif isinstance(value, list):
        members, opens, closes = [f"{blank()}{draw(commented(one))}{blank()}" for one in value], "[", "]"
    else:
        return json.dumps(value)
    comma = "," if members and draw(st.booleans()) else ""
    return f"{opens}{','.join(members)}{comma}{blank()}{closes}"


@given(TREES.flatmap(lambda tree: st.tuples(st.just(tree), commented(tree))), BLANKS, BLANKS)
def test_json_with_comments_means_what_it_means_without_them(both: tuple[object, str], before: str, after: str) -> None:
    tree, text = both
    assert jsonc.read(before + text + after).value == tree


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(jsonc.NotJson):
        assert isinstance(jsonc.read(text).value, dict | list | str | int | float | None)


SETTINGS = st.dictionaries(st.sampled_from(["model", "env", "permissions"]), TREES, max_size=3)
EVENTS = st.dictionaries(
    st.sampled_from(["Stop", "SessionStart", "PreToolUse"]), st.lists(SCALARS, max_size=2), max_size=3
)


@given(
    st.tuples(SETTINGS, st.none() | EVENTS).flatmap(
        lambda two: commented(two[0] | ({"hooks": two[1]} if two[1] is not None else {}))
    )
)
def test_settings_of_any_layout_come_out_of_it_as_they_went_in(text: str) -> None:
    assume("\r" not in text)  # mixed ends of lines come out with ours, and are given back from the copy
    content = text.encode()
    done = HOOKS.put(content) or b""
    before, after = jsonc.read(text).value, jsonc.read(done.decode()).value
    assert {name: value for name, value in after.items() if name != "hooks"} == {
        name: value for name, value in before.items() if name != "hooks"
    }
    assert all(
        len(after["hooks"][event]) == len(before.get("hooks", {}).get(event, [])) + 1
        for event in ("Stop", "SessionStart", "SessionEnd")
    )
    assert HOOKS.put(done) == done
    assert HOOKS.take(done, content) == content


@given(st.binary(max_size=80), st.binary(max_size=40), st.text(max_size=40))
def test_a_block_in_any_bytes_comes_out_and_what_was_added_around_it_stays(
    content: bytes, added: bytes, text: str
) -> None:
    assume("hive-node:" not in text and text)
    block = Block("x", text.replace("\r", ""))
    try:
        done = block.put(content) or b""
    except AgentFault:
        return
    assert block.take(done, content) == content or not block.text
    if block.text and not added.startswith(b"\n"):
        assert block.take(added + b"\n" + done, content) == added + b"\n" + content


@given(st.text(alphabet="ab:- #[],\n", max_size=40).map(lambda text: text + "\nread: [x.md]\n"))
def test_aiders_settings_come_out_as_they_went_in(text: str) -> None:
    piece, content = AiderSettings(reads=True), text.encode()
    try:
        done = piece.put(content) or b""
    except AgentFault:
        return
    assert done.count(CONVENTIONS.encode()) == 1
    assert piece.take(done, content) == content
