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
    # Keys of other languages, and letters beyond Latin-1.
    'motDePasse="{weak}"',
    'пароль := "{weak}"',
    "数据库密码：{weak}",
    'let κωδικός = "{weak}"',
    'ΠΑΡΟΛΙ_ПАРОЛЬ := "{weak}"',
    'const contraseña = "{weak}"',
    "HASLO_BAZY: '{weak}'",
    'APIキー = "{hex}"',
    # Name and value apart.
    "- name: API_SECRET\n  value: {hex}",
    '{{ "key": "channel_secret", "value": "{hex}" }}',
    "<key>ApiSecret</key>\n\t<string>{hex}</string>",
    '<property name="certPassword" value="{weak}"/>',
    'variable "db_password" {{\n  type = string\n  default = "{weak}"\n}}',
    "| `CLIENT_SECRET` | `{hex}` |",
    # Types, defaults, comparisons and makers of strings around the value.
    "opts.SA_PASSWORD || '{weak}'",
    'char passwd[] = "{weak}";',
    'public string Password {{ get; set; }} = "{weak}";',
    'if (userPass.equals("{weak}")) {{',
    'password: String::from("{weak}"),',
    "DB_PASSWORD=${{DB_PASSWORD:-{weak}}}",
    'PASSWORD = (\n    "{weak}"\n)',
    '(setq ADMIN_API_KEY "{hex}")',
    'dotnet user-secrets set "admin_password" "{weak}"',
    "MAILER_KEY={hex}",
    "svc_token := svc.{token}",
    # Command lines and devices.
    "./manage --WIFI_PSK {weak} --verbose",
    "sshpass -p '{weak}' ssh root@db5",
    "username admin privilege 15 password 0 {weak}",
    'ConvertTo-SecureString "{weak}" -AsPlainText -Force',
    "ENV DB_PASSWORD {weak}",
    "Cookie: theme=dark; JSESSIONID={token}",
    "password: !!str {weak}",
    "redis_auth: {weak}",
    # Long brackets, quotes of three, what a language writes before and after.
    "password = [[{weak}]]",
    "my $password = q({weak});",
    'password = """{weak}"""',
    'const password: []const u8 = "{weak}";',
    'Db_Password : constant String := "{weak}";',
    'val dbPassword: String by lazy {{ "{weak}" }}',
    'db_password: .asciz "{weak}"',
    '{{rabbit, [{{default_pass, <<"{weak}">>}}]}}',
    'password = sensitive("{weak}")',
    # What programs write out.
    's:8:"password";s:9:"{weak}";s:4:"port";i:3306;',
    '["password"]=>\n  string(9) "{weak}"',
    "<AdministratorPassword><Value>{weak}</Value><PlainText>true</PlainText></AdministratorPassword>",
    "<Key>Password</Key><Value ProtectInMemory='True'>{weak}</Value>",
    # A type in words, attributes.
    'Dim password As String = "{weak}"',
    "v_password VARCHAR2(30) := '{weak}';",
    "01 WS-PASSWORD          PIC X(20) VALUE '{weak}'.",
    "password db '{weak}',0",
    '<Pass encoding="plain">{weak}</Pass>',
    # Names in two words, of which neither is one alone, and scripts that write vowels as marks.
    "mật khẩu: {weak}",
    "كلمة المرور: {weak}",
    "kata laluan: {weak}",
    "पासवर्ड: {weak}",
    "የይለፍ ቃል: {weak}",
    'cfg.set("كلمة المرور", "{weak}")',
    "wpa2-pre-shared-key={weak}",
]

# Chosen by people: what no randomness tells from a word.
CHOSEN = [
    "Tulip" + "7!",
    "granite-marble-" + "pepper",
    "qhwk" + "xtfe",
    "Sommer" + "2024!",
    "s3cr3t" + "-orbit",
    "copper" + "9637",
    "meadow.cobalt_" + "wren37",
]


@pytest.mark.parametrize("value", CHOSEN)
def test_password_need_not_be_random(engine: Engine, value: str) -> None:
    for text in (f'{{"user": "app", "db_password": "{value}"}}', f"become_pass={value}\nhost: db"):
        assert [text[one.start : one.end] for one in engine.scan(text)] == [value]


def test_value_ends_where_its_quote_does(engine: Engine) -> None:
    value = "a7" + "b;c,d)e\\'f" + "9"
    text = f"password = '{value}', 'next'"
    assert [text[one.start : one.end] for one in engine.scan(text)] == [value]


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
        'senha = "sua-senha-aqui"',
        "motDePasse: 'votre-mdp2-ici'",
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
        "password = user.password2",
        "token = tokenService.nextToken2",
        'password: "Password must have 8 characters"',
        '"password": "Password:"',
        'passwordField = "#login2-password"',
        'type: "password", name: "user-password"',
        "this.secret = options.secret1",
        'String password = "user.password";',
        'api_key = "${API_KEY2}"',
        "password: ENC[AES256_GCM,data:8JUrWW877x]",
        '"hash_password": "sha512"',
        "max_tokens = 8192k",
        "encryptedData:\n  password: Ag" + letters(600, 16),
        'secret = "ocid1.vaultsecret.oc1.iad.' + letters(24, 18) + '"',
        'db_secret = "awssm://prod2/db' + '"',
        'api_secret: "kv/data/prod/db2#api_key"',
        'TOKEN_CONTRACT = "0x' + letters(40, 19, HEX) + '"',
        'Dim password As String = "password"',
        '<Password Type="PasswordText">${{DB_PASSWORD2}}</Password>',
        'let x = { "kty": "EC", "x": "' + letters(43, 20) + '", "y": "' + letters(43, 21) + '" }',
        '{"kty":"EC","crv":"P-256","x":"' + letters(43, 20) + '","y":"' + letters(43, 21) + '"}',
    ],
)
def test_what_only_looks_like_an_assignment_is_left_alone(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


def test_random_value_under_a_strong_key_is_surer_than_a_weak_one(engine: Engine) -> None:
    (weak,) = engine.scan(f'password = "{WEAK}"')
    (strong,) = engine.scan(f'password = "{TOKEN}"')
    assert strong.confidence > weak.confidence


@pytest.mark.parametrize("around", ["{}", "- {}\n- next", "try {} instead", '["{}", "b"]'])
def test_generated_password_alone_is_found_whole(engine: Engine, around: str) -> None:
    value = "fE" + "U!c" + "jgkn7MT^IXt" + "QA4Y"
    text = around.format(value)
    assert [text[one.start : one.end] for one in engine.scan(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "if (a1*B2&&c3%D4||!E5^F6~G7)",
        "grep -E '^[A-Z]+$|x{2}!' file",
        "a2=r%20b&a3=2%20Q&b5=%3D%253D&c%40=&c2",
        "$argv[1]!=$B2&*C",
    ],
)
def test_code_full_of_marks_is_no_password(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "mysqldump -uroot -p'{}' shop",
        "redis-cli -h cache -a {} ping",
        "echo 'deploy:{}' | sudo chpasswd",
        "rabbitmqctl add_user app {}",
        "the new password for the staging db is now {}, please",
        "olena: use {} as the billing password until Friday",
        "log in with admin / {}",
        "CREATE USER app IDENTIFIED BY '{}';",
        "requirepass {}",
        'createConnection("db1", "app", "{}")',
    ],
)
def test_password_told_or_given_to_a_command_is_found(engine: Engine, text: str) -> None:
    value = "Tulip" + "7hat#"
    written = text.format(value)
    assert any(value.rstrip("#") in written[one.start : one.end] for one in engine.scan(written))


@pytest.mark.parametrize(
    "text",
    ["パスワード:8文字以上の英数字を入力してください", "密码:用户登录密码(必填)", "password = 请输入6到20位的新密码"],
)
def test_what_a_form_says_of_a_password_in_a_script_without_spaces_is_none(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


def test_password_that_a_label_in_such_a_script_holds_is_found(engine: Engine) -> None:
    assert engine.scan(f"密码:{WEAK}")


@pytest.mark.parametrize(
    "text",
    [
        "PASSWORD({})",
        "패스워드({})",
        "PW {}",
        "비번 {}",
        "P/W: {}",
        "passwords:{}",
        "PIN:{}",
        "screenlock_pin_code: {}",
        "password for master:{}",
        "98.76.54.32 (master/{})",
        "id/pw: master/{}",
        "id(master)/pwd({})",
        "ID-master / PASS - {}",
        "login/password-master/{}",
        "ssh -P {} ops@db1",
    ],
)
def test_password_as_people_note_it_is_found_whole(engine: Engine, text: str) -> None:
    value = "Tmr" + "71KwQ9"
    written = text.format(value)
    assert any(value in written[one.start : one.end] for one in engine.scan(written))


@pytest.mark.parametrize(
    "text",
    [
        "password server2019 works",
        "PASSWORD(strlen1)",
        "token(args[0], value2)",
        "서울 Tmr71KwQ9",
        "PIN: GPIO_12",
        "the pw sha512-crypt",
        "10.0.0.1 (nginx/1.25.3-alpine)",
        "/login/password-reset/step2a",
        "ssh -P 2222 ops@db1",
        "redis_auth: required",
        "postgres://postgres:postgres@localhost/test",
        "arn:aws:rds:*:*:secgrp:awseb-e-*",
    ],
)
def test_words_beside_a_key_are_no_password(engine: Engine, text: str) -> None:
    assert [one for one in engine.scan(text) if one.kind == "secret"] == []


def test_letters_that_no_language_has_are_a_password_in_a_file_of_settings_and_a_name_in_code(engine: Engine) -> None:
    assert engine.scan("DB_PASSWORD=" + "qhwk" + "xtfe")
    assert engine.scan("DB_PASSWORD=lengths") == []
    assert engine.scan("connect(host, password=pwdstrng)") == []


def test_a_value_of_escapes_that_nobody_needs_is_hidden_whatever_its_key(engine: Engine) -> None:
    hidden = "".join(f"\\u{ord(letter):04x}" for letter in "Tulip" + "7hat")
    (one,) = engine.scan(f'{{"key": "{hidden}"}}')
    assert (one.kind, one.decoded_from, one.end - one.start) == ("secret", "escape", len(hidden))
    assert engine.scan('{"key": "' + "Tulip" + '7hat"}') == []


def test_a_key_s_authentication_code_is_told_with_the_key(engine: Engine) -> None:
    key = f"{letters(64, 22)}\n{letters(32, 23)}"
    text = f"Private-Lines: 2\n{key}\nPrivate-MAC: {letters(64, 24, HEX)}"
    (one,) = engine.scan(text)
    assert text[one.start : one.end].startswith(key)


def test_random_token_in_three_parts_is_found_whole(engine: Engine) -> None:
    value = ".".join((letters(24, 17), letters(6, 18), letters(38, 19)))
    text = f"it printed {value} at the end"
    assert [text[one.start : one.end] for one in engine.scan(text)] == [value]
