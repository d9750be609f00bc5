"""Whatever a model writes ends in an idea with edits, or in a reason; and what fits changes exactly what it says."""

from hypothesis import given
from hypothesis import strategies as st

from hive_node.operators.replies import Reply, Unfit, fit, parse_reply
from protocol.deltas import Edit
from protocol.limits import EDITS, TEXT_CHARS

TAGS = [
    "<idea>",
    "</idea>",
    '<edit path="a.py">',
    "</edit>",
    "<search>",
    "</search>",
    "<replace>",
    "</replace>",
    "x = 1",
    "",
    "```",
]
LINE = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=20)
CODE = LINE.filter(lambda line: not line.strip().startswith("<"))
CHAMPION = {"a.py": "x = 1\ny = 2\nx = 1\n", "b.py": "no end"}


@given(st.text())
def test_any_text_is_an_idea_or_a_reason(text: str) -> None:
    read = parse_reply(text)
    assert isinstance(read, Reply | Unfit)
    if isinstance(read, Reply):
        assert 0 < len(read.words) <= TEXT_CHARS
        assert 0 < len(read.edits) <= EDITS


@given(st.lists(st.sampled_from(TAGS) | LINE, max_size=40))
def test_any_order_of_its_tags_is_an_idea_or_a_reason_and_fits_or_says_why(lines: list[str]) -> None:
    read = parse_reply("\n".join(lines))
    if isinstance(read, Reply):
        files = fit(read, CHAMPION)
        assert isinstance(files, Unfit) or (files and set(files) <= set(CHAMPION))


@given(
    words=LINE.map(str.split).map(" ".join).filter(lambda text: bool(text) and "<" not in text),
    blocks=st.lists(st.tuples(st.lists(CODE, min_size=1), st.lists(CODE)), min_size=1, max_size=5),
)
def test_what_is_written_in_the_form_is_read_as_it_was_meant(
    words: str, blocks: list[tuple[list[str], list[str]]]
) -> None:
    meant = [("".join(f"{line}\n" for line in search), "".join(f"{line}\n" for line in new)) for search, new in blocks]
    text = f"Certainly!\n<idea>\n{words}\n</idea>\n" + "".join(
        f'<edit path="a.py">\n<search>\n{search}</search>\n<replace>\n{new}</replace>\n</edit>\n'
        for search, new in meant
    )
    read = parse_reply(text)
    if any(not search.strip("\n") for search, _ in meant):
        assert isinstance(read, Unfit)
    else:
        assert read == Reply(words, tuple(Edit(path="a.py", search=search, replace=new) for search, new in meant))
