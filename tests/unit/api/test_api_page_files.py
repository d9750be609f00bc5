"""What the page is made of: nothing from elsewhere, nothing inline, and no way from a text to markup or code."""

import re
from pathlib import Path

import pytest

from hive_node.api import page

FILES = page.files()
# Each would make markup, or code, of a string.
SINKS = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|setHTML"
NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize("name", FILES)
def test_no_file_reaches_another_host_or_makes_code_of_text(name: str) -> None:
    text = FILES[name].read_text().replace(NAMESPACE, "")
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"(?m)^\s*//.*$|\s// .*$", "", text))
    assert not re.search(SINKS, text)


def test_the_document_has_nothing_inline() -> None:
    text = FILES["index.html"].read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert re.findall(r"<script([^>]*)>(.*?)</script>", text) == [(' type="module" src="/page/main.js"', "")]


def test_every_module_is_there_and_none_is_left_over() -> None:
    modules = {name: text.read_text() for name, text in FILES.items() if name.endswith(".js")}
    imported = {found for text in modules.values() for found in re.findall(r'from "\./([^"]+)"', text)}
    assert imported | {"main.js"} == set(modules)


def test_no_other_file_lies_beside_them_unseen() -> None:
    folder = next(iter(FILES.values())).parent
    assert {path.name for path in Path(folder).iterdir()} == set(FILES)
