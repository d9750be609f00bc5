"""Secrets that only their key gives away, in the notations of the day; and everything that only looks like it."""

import pytest

from guardrails.scope import Engine
from tests.unit.guardrails.scope.planted import HEX, letters

TOKEN = letters(32, 11)
WEAK = "hunter" + "2x"

NOTATIONS = [
    'password = "{weak}"',
    "DB_PASSWORD={weak}",
    "password: {weak}",
    '{{"password": "{weak}"}}',
    "{{'passwd': '{weak}'}}",
    '{{\\"password\\": \\"{weak}\\"}}',
    'let pwd = r"{weak}";',
    'PASSWORD: str = "{weak}"',
    '$password = "{weak}";',
    "spring.datasource.password={weak}",
    "<password>{weak}</password>",
    'setPassword("{weak}")',
    'storePassword "{weak}"',
    "self.password = '{weak}'",
    "mysqldump -u app -p{weak} shop",
    "deploy --password {weak}",
    "deploy --password={weak}",
    "the password is {weak}",
    'auth=("deploy", "{weak}")',
    "password = `{weak}`",
    'api_key: "{token}"',
    "export API_TOKEN={token}",
    "X-Api-Key: {token}",
    "auth_token := '{token}'",
    'secret => "{token}"',
    'os.environ["SECRET_KEY"] = "{token}"',
    "https://host.org/?api_key={token}&page=2",
    '"key": "{token}"',
    'client_secret = "{hex}"',
    'args = "--log=x key=--token={token}"',
]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_assigned_secret_is_found_in_any_notation(engine: Engine, notation: str) -> None:
    values = {"weak": WEAK, "token": TOKEN, "hex": letters(32, 12, HEX)}
    text = notation.format(**values)
    (value,) = [value for name, value in values.items() if f"{{{name}}}" in notation]
    assert any(value in text[one.start : one.end] for one in engine.scan(text) if one.kind == "secret")


@pytest.mark.parametrize(
    "text",
    [
        'password = os.environ["X2"]',
        "password: ${DB_PASSWORD2}",
        'password = "{{ vault_password2 }}"',
        "password = getpass2()",
        "token = self.tokens[2].value2",
        '"password": "string"',
        'password = "changeme"',
        'password = "user_password"',
        'password="********"',
        'password = ""',
        'password = "Enter 2 words"',
        'api_key: "<your-api-key-2024>"',
        'api_key = "your_api_key_goes_here_123"',
        'secret_name = "prod/database-2024-01-02-x9z8"',
        "password_hash = '9f86d081884c7d659a2feaa0c55ad015'",
        "token_count = 123456",
        "max_tokens: 4096",
        'cache_key = "a1B2c3D4e5F6a7B8c9D0e1F2"',
        'public_key = "' + letters(44, 13) + '"',
        'monkey = "banana1234567890xyz"',
        'bypass = "cache2023-10x"',
        "password_expires_days = 365days1",
        "let token = parser.next_token2();",
        'self.assertEqual(token, "abc123")',
        '"next_token": "page2"',
        "the token, which is2 here",
        'key = "' + letters(40, 14, HEX) + '"',
        "key: 20240102",
        "secret = 12345678901234567890",
        'auth = "db.internal:5432"',
        "if password != confirm_password2:",
        'password = "sha256:abcdef12"',
        "session_key",
        'token = "',
        "password=",
    ],
)
def test_what_only_looks_like_an_assignment_is_left_alone(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


def test_random_value_under_a_strong_key_is_surer_than_a_weak_one(engine: Engine) -> None:
    (weak,) = engine.scan(f'password = "{WEAK}"')
    (strong,) = engine.scan(f'password = "{TOKEN}"')
    assert strong.confidence > weak.confidence
