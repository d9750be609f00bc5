"""A unified diff is read strictly, and judged by what its hunks show."""

import subprocess
from pathlib import Path

import pytest

from guardrails.constitution import Constitution, DiffSyntaxError, Surface, parse_unified

PLAIN = """\
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,4 @@ def f
 import os
-A = 1
+A = 2
+B = 3
 C = 4
"""


def rules_of(constitution: Constitution, diff: str, idea: str = "") -> list[tuple[str, object]]:
    surface = Surface(("src/**",), ("bench/**",))
    found = constitution.judge_diff(parse_unified(diff), surface, idea)
    return [(rejected.rule.removeprefix("constitution."), rejected.details.get("line")) for rejected in found]


def test_added_and_removed_lines_carry_their_numbers() -> None:
    (file,) = parse_unified(PLAIN)
    assert (file.path, file.old_path) == ("src/a.py", None)
    assert file.added == ((2, "A = 2"), (3, "B = 3"))
    assert file.removed == ((2, "A = 1"),)
    assert file.hunks[0].before == ("import os", "A = 1", "C = 4")
    assert file.hunks[0].after == ("import os", "A = 2", "B = 3", "C = 4")


def test_what_git_writes_is_read(tmp_path: Path) -> None:
    def git(*argv: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "core.quotePath=true"]
        return subprocess.run(
            ["git", *identity, *argv], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    (tmp_path / "old.py").write_text("A = 1\nB = 2\nC = 3\n")
    (tmp_path / "gone.py").write_text("A = 1\n")
    (tmp_path / "é ü.py").write_text("A = 1")
    (tmp_path / "blob").write_bytes(b"\0\1")
    git("add", "-A")
    git("commit", "-qm", "one")
    (tmp_path / "old.py").rename(tmp_path / "new.py")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "é ü.py").write_text("A = 2")
    (tmp_path / "blob").write_bytes(b"\0\2")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "link").symlink_to("/etc")
    git("add", "-A")
    files = {file.path: file for file in parse_unified(git("diff", "--cached", "-M", "HEAD"))}
    assert files["new.py"].old_path == "old.py"
    assert files["gone.py"].is_deleted
    assert files["é ü.py"].added == ((1, "A = 2"),)
    assert files["blob"].marks == ("binary",)
    assert files["empty.py"].is_created
    assert files["link"].marks == ("link",)


def test_a_mail_with_two_patches_is_read() -> None:
    mail = f"From 1234\nSubject: one\n\n---\n a.py | 2 +-\n\n{PLAIN}-- \n2.40.0\n\nFrom 5678\nSubject: two\n\n{PLAIN}-- \n2.40.0\n\n"
    assert [file.path for file in parse_unified(mail)] == ["src/a.py", "src/a.py"]


def test_a_binary_patch_is_marked_and_passed_over() -> None:
    diff = f"diff --git a/x b/x\nindex 12..34 100644\nGIT binary patch\nliteral 3\nKcmZQz\n\ndiff --git a/src/a.py b/src/a.py\n{PLAIN}"
    assert [(file.path, file.marks) for file in parse_unified(diff)] == [("x", ("binary",)), ("src/a.py", ())]


@pytest.mark.parametrize(
    ("diff", "path", "mark"),
    [
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "x", ()),
        ("diff --git a/x y b/x y\nnew file mode 160000\nindex 00..12\n", "x y", ("submodule",)),
        ('diff --git "a/\\303\\251" "b/\\303\\251"\nnew file mode 100644\nindex 00..12\n', "é", ()),
        ('--- "a/\\t\\"\\\\x"\t2020\n+++ "b/\\t\\"\\\\x"\n@@ -1 +1 @@\n-a\n+b\n', '\t"\\x', ()),
        ("diff --git a/x b/x\nsimilarity index 90%\ncopy from y\ncopy to x\n", "x", ()),
        (
            "--- x\t2020-01-01\n+++ x\t2020-01-02\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n",
            "x",
            (),
        ),
        ("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n", "x", ()),
        ("--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-\n", "x", ()),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n-- \n2.40.0\n\n", "x", ()),
        ("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", "x", ()),
    ],
)
def test_the_corners_of_the_format_are_read(diff: str, path: str, mark: tuple[str, ...]) -> None:
    (file,) = parse_unified(diff)
    assert (file.path, file.marks) == (path, mark)


@pytest.mark.parametrize(
    ("diff", "line"),
    [
        ("", 1),
        ("no diff at all\n", 1),
        ("@@ -1 +1 @@\n-a\n+b\n", 1),
        ("diff --cc x\n", 1),
        ("--- a/x\n", 1),
        ("--- a/x\n@@ -1 +1 @@\n", 2),
        ("--- a/x\n+++ b/x\n", 2),
        ("--- a/x\n+++ b/x\n@@ nonsense @@\n", 3),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n", 4),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n", 5),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n*a\n", 4),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\nrubbish\n", 6),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\n+++ b/y\n", 7),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", 3),
        ("--- \n+++ b/x\n", 1),
        ('--- "a/x\n+++ b/x\n', 1),
        ('--- "a/\\777"\n+++ b/x\n', 1),
        ('--- "a/\\q"\n+++ b/x\n', 1),
        ('--- "a/\\377"\n+++ b/x\n', 1),
        ("diff --git a/x b/x\nunheard of\n", 2),
        ("diff --git a/x b/x\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", 6),
        ("diff --git a/x b/x\nGIT binary patch\n\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", 8),
        ("diff --git a/x b/y\nold mode 100644\nnew mode 100755\n", 3),
    ],
)
def test_a_malformed_diff_names_its_line(diff: str, line: int) -> None:
    with pytest.raises(DiffSyntaxError, match=f"line {line}:") as caught:
        parse_unified(diff)
    assert isinstance(caught.value, ValueError)
    assert caught.value.line == line


def test_an_ordinary_diff_has_no_findings(constitution: Constitution) -> None:
    assert rules_of(constitution, PLAIN, "Raise A") == []


def test_a_fact_is_found_on_its_line_though_the_import_is_not_in_sight(constitution: Constitution) -> None:
    diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -40,2 +40,3 @@\n     x = 1\n+    subprocess.run(x)\n     y = 2\n"
    assert rules_of(constitution, diff) == [("code.process", 41)]


def test_an_excerpt_that_does_not_parse_is_read_by_pattern(constitution: Constitution) -> None:
    diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -40,2 +40,3 @@\n     if x:\n+        os.system(x)\n     else:\n"
    assert rules_of(constitution, diff) == [("code.process", 41)]


def test_a_fact_in_the_context_is_not_added(constitution: Constitution) -> None:
    diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n import socket\n-A = 1\n+A = 2\n"
    assert rules_of(constitution, diff) == []


def test_a_new_file_must_parse(constitution: Constitution) -> None:
    diff = "--- /dev/null\n+++ b/src/a.py\n@@ -0,0 +1,2 @@\n+def f(:\n+    pass\n"
    assert rules_of(constitution, diff) == [("code.unparsable", None)]


def test_a_rename_is_judged_under_both_names(constitution: Constitution) -> None:
    diff = (
        "diff --git a/bench/a.py b/src/json.py\nsimilarity index 100%\nrename from bench/a.py\nrename to src/json.py\n"
    )
    assert {rule for rule, _ in rules_of(constitution, diff)} == {
        "surface.protected",
        "surface.outside",
        "surface.shadow",
    }


def test_links_and_binary_content_are_refused(constitution: Constitution) -> None:
    diff = "diff --git a/src/x b/src/x\nnew file mode 120000\nindex 00..12\n--- /dev/null\n+++ b/src/x\n@@ -0,0 +1 @@\n+/etc\n"
    assert ("surface.link", None) in rules_of(constitution, diff)
    assert rules_of(
        constitution, "diff --git a/src/x b/src/x\nindex 12..34\nBinary files a/src/x and b/src/x differ\n"
    ) == [("surface.binary", None)]


def test_the_words_of_the_idea_are_judged_with_a_diff(constitution: Constitution) -> None:
    assert rules_of(constitution, PLAIN, "Install a rootkit") == [("words.malware", None)]


def test_a_diff_beyond_all_bounds_is_not_read_further(constitution: Constitution) -> None:
    body = "".join(f"+import socket{number}\n" for number in range(70_000))
    diff = f"--- a/src/a.py\n+++ b/src/a.py\n@@ -0,0 +1,70000 @@\n{body}"
    assert {rule for rule, _ in rules_of(constitution, diff)} == {"size.file"}
