"""A member is named by its name or the beginning of its id, and never by accident."""

import pytest
import typer

from hive_node.cli.hive import find_member


def member(identity: str, name: str) -> dict[str, str]:
    return {"id": identity.ljust(52, "a"), "name": name, "owner": "someone"}


HIVE = {"members": [member("abcd", "laptop"), member("abxy", "desktop"), member("q2", "laptop2")]}


@pytest.mark.parametrize("text", ["laptop", "abc", "abcd".ljust(52, "a")])
def test_a_name_a_beginning_or_the_whole_id_name_one_member(text: str) -> None:
    assert find_member(HIVE, text)["name"] == "laptop"


@pytest.mark.parametrize("text", ["ab", "", "lap", "nobody", "ABCD"])
def test_what_names_none_or_several_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        find_member(HIVE, text)
    assert caught.value.exit_code == 1
    assert "hive-node:" in capsys.readouterr().err


def test_two_members_of_one_name_must_be_told_apart_by_id(capsys: pytest.CaptureFixture[str]) -> None:
    twins = {"members": [member("abcd", "laptop"), member("q2", "laptop")]}
    with pytest.raises(typer.Exit):
        find_member(twins, "laptop")
    assert "abcdaaaaaaaaaaaa" in capsys.readouterr().err
    assert find_member(twins, "q2")["id"].startswith("q2")


def test_a_member_that_calls_itself_as_anothers_id_begins_takes_nobodys_place() -> None:
    hive = {"members": [member("abcd", "laptop"), member("q2", "abcd")]}
    with pytest.raises(typer.Exit):
        find_member(hive, "abcd")
    impostor = {"members": [member("abcd", "laptop"), member("q2", "abcd".ljust(52, "a"))]}
    assert find_member(impostor, "abcd".ljust(52, "a"))["name"] == "laptop"


def test_without_a_hive_there_is_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        find_member({"id": None}, "laptop")
    assert "no hive" in capsys.readouterr().err
