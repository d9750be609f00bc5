"""Secrets in the columns of tables, whose heads alone say what they are."""

import pytest

from guardrails.scope import Engine
from tests.unit.guardrails.scope.planted import HEX, letters

PASSWORD = "Tulip" + "7hat"
SECOND = "granite-" + "wren44"
KEY = letters(32, 12, HEX)


def found(engine: Engine, text: str) -> list[str]:
    return [text[one.start : one.end] for one in engine.scan(text) if one.kind == "secret"]


@pytest.mark.parametrize(
    "table",
    [
        "host,user,password\ndb1,root,{}\ndb2,root,{}\n",
        "name;password;url\r\nacme;{};https://host.org\r\nother;{};https://host.org\r\n",
        "user\tpassword\nroot\t{}\nops\t{}",
        "| user | password |\n|---|---|\n| root | {} |\n| ops | {} |\n",
        'name,"password",note\n"acme, inc","{}","said ""yes"""\nb,{},c\n',
        "INSERT INTO users (name, password) VALUES ('bob', '{}'), ('eve (her)', '{}');",
        "COPY public.users (id, user_password, active) FROM stdin;\n45\t{}\tt\n46\t{}\tt\n\\.",
    ],
)
def test_each_cell_under_a_head_that_promises_a_secret_is_found(engine: Engine, table: str) -> None:
    assert found(engine, table.format(PASSWORD, SECOND)) == [PASSWORD, SECOND]


def test_a_head_names_the_provider_of_a_value_without_a_shape(engine: Engine) -> None:
    text = f"COPY t (id, ovh_application_secret) FROM stdin;\n1\t{KEY}\n"
    assert found(engine, text) == [KEY]


def test_a_long_table_is_read_to_its_end(engine: Engine) -> None:
    rows = "".join(f"https://host{row}.corp,user{row},Tulip{7000 + row}hat\n" for row in range(600))
    assert len(found(engine, f"note\n\nurl,username,password\n{rows}\nend, of it\n")) == 600


def test_a_cell_stands_in_plain_sight(engine: Engine) -> None:
    (one,) = engine.scan(f"host,password\nalpha,{PASSWORD}\n")
    assert one.decoded_from is None


@pytest.mark.parametrize(
    "text",
    [
        "host,user,password\ndb1,root\ndb2,root,7hat,Tulip77x\n",
        "user,password\nroot,********\nops,required\n",
        "word,token,tag\nrunning,run2ning,VERB\n",
        "| option | password | default |\n|---|---|---|\n| --pw | the password of the user | none |\n",
        "INSERT INTO t (name, password_hint) VALUES ('bob', 'first dog 2x');",
        "INSERT INTO t (name, password) VALUES (?, ?), (:name2, :password2);",
        "connect(host, password)\nreturn(host2, answer2)\n",
        "a, password, b\n",
    ],
)
def test_what_only_looks_like_a_table_of_secrets_is_left_alone(engine: Engine, text: str) -> None:
    assert found(engine, text) == []
