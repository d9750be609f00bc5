"""Every name and secret here is made up for the test; nothing is read of the machine that runs it but what a test hands over."""

import base64
import json
import logging
import os
import pwd
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import ifaddr
import pytest

from guardrails.scope import LocalFacts
from hive_node.adapters.dictionary import Looked, collect_names
from hive_node.adapters.dictionary import collect_secrets as collect
from hive_node.adapters.dictionary.files import FILE_BYTES
from hive_node.adapters.dictionary.secrets import _HOME_FILES

SECRET = "Qz7-vRk2_pLw9"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, for this process and for git."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder


def git(folder: Path, *arguments: str, **environment: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=os.environ | environment, check=True)


def commit(folder: Path, name: str, email: str) -> None:
    who = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", name), ("EMAIL", email))
    }
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "x", **who)


def signed_commit(folder: Path, name: str, email: str) -> None:
    def object_of(kind: str, content: str) -> str:
        command = ["git", "hash-object", "-t", kind, "-w", "--stdin"]
        return subprocess.run(
            command, cwd=folder, input=content, capture_output=True, text=True, check=True
        ).stdout.strip()

    who = f"{name} <{email}> 1700000000 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----"
    text = f"tree {object_of('tree', '')}\nauthor {who}\ncommitter {who}\n{signature}\n\nx\n"
    git(folder, "update-ref", "HEAD", object_of("commit", text))


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(kind: str, *repositories: Path) -> set[str]:
    return {one.value for one in collect_names(repositories) if one.kind == kind}


def collect_secrets(repositories: list[Path], environment: dict[str, str], home: Path) -> list[str]:
    return [one.value for one in collect(repositories, environment, home)]


def of_home(home: Path) -> list[str]:
    return collect_secrets([], {}, home)


def of_environment(home: Path, **environment: str) -> list[str]:
    return collect_secrets([], environment, home)


# --- hostile files ----------------------------------------------------------------------------------------------------


def test_a_link_out_of_the_home_is_not_followed(home: Path, tmp_path: Path) -> None:
    outside = put(tmp_path, "outside/netrc", f"machine x login y password {SECRET}")
    (home / ".netrc").symlink_to(outside)
    assert of_home(home) == []


def test_a_folder_that_leads_out_of_the_home_is_not_followed(home: Path, tmp_path: Path) -> None:
    put(tmp_path, "outside/credentials", f"aws_secret_access_key = {SECRET}")
    (home / ".aws").symlink_to(tmp_path / "outside")
    assert of_home(home) == []


def test_a_link_inside_the_home_is_followed(home: Path) -> None:
    (home / ".netrc").symlink_to(put(home, "dotfiles/netrc", f"machine x login y password {SECRET}"))
    assert of_home(home) == [SECRET]


def test_a_repositorys_link_does_not_reach_into_the_home(home: Path, repository: Path) -> None:
    (repository / ".env").symlink_to(put(home, "private", f"TOKEN={SECRET}"))
    assert collect_secrets([repository], {}, home) == []


def test_a_pipe_in_place_of_a_file_does_not_hang_the_start(home: Path, repository: Path) -> None:
    os.mkfifo(home / ".netrc")
    os.mkfifo(repository / ".env")
    assert collect_secrets([repository], {}, home) == []


def test_a_huge_file_is_read_only_so_far(home: Path) -> None:
    put(home, ".vault-token", f"{SECRET}\n" + "x" * FILE_BYTES + "\nbeyond-the-limit-1\n")
    assert SECRET in of_home(home)
    assert "beyond-the-limit-1" not in of_home(home)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00\x00", b"{" * 100_000, b"[" * 200_000, b'{"auth": ', b"\x00" * 50, b""]
)
def test_damaged_files_are_no_fault(home: Path, repository: Path, content: bytes) -> None:
    for name in (*(one for one in _HOME_FILES if "*" not in one), ".netrc"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (repository / ".env").write_bytes(content)
    collect_secrets([repository], {}, home)


def test_nothing_that_was_found_is_logged(home: Path, repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(home, ".netrc", f"machine x login y password {SECRET}")
    put(repository, ".env", f"TOKEN={SECRET}")
    commit(repository, "First Author", "first@team.test")
    with caplog.at_level(logging.DEBUG):
        assert SECRET in collect_secrets([repository, home / "none"], {"TOKEN": SECRET}, home)
        collect_names([repository, home / "none"])
    assert SECRET not in caplog.text
    assert "first" not in caplog.text.lower()


def test_a_repository_cannot_make_git_run_a_program(repository: Path, tmp_path: Path) -> None:
    signed_commit(repository, "First Author", "first@team.test")
    program = put(tmp_path, "program", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for setting in ("core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand", "credential.helper"):
        git(repository, "config", setting, str(program))
    git(repository, "config", "log.showSignature", "true")
    assert names("git_name", repository) == {"First Author"}
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_is_no_repository_is_reported_and_passed_over(
    home: Path, repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit(repository, "First Author", "first@team.test")
    assert names("git_name", home, home / "missing", repository) == {"First Author"}
    assert "not known to the scope guard" in caplog.text


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("author1", "x", 1000, 1000, "First Author,,,", "/home/author1", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    monkeypatch.setattr(socket, "gethostname", lambda: "buildbox7.team.test")
    monkeypatch.setattr(socket, "getfqdn", lambda: pytest.fail("a name server was asked"))
    addresses: list[tuple[str | tuple[str, int, int], int]] = [
        ("127.0.0.1", 8),
        ("192.168.7.5", 24),
        (("::1", 0, 0), 128),
        (("fd00:7::5", 0, 0), 64),
    ]
    adapters = [ifaddr.Adapter("any", "any", [ifaddr.IP(ip, prefix, "any") for ip, prefix in addresses])]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: adapters)


@pytest.mark.usefixtures("machine")
def test_user_and_machine_are_known_by_all_their_names(home: Path) -> None:
    assert names("user") == {"author1", "First Author"}
    assert names("host") == {"buildbox7", "buildbox7.team.test"}
    assert names("home") == {str(home), "/home/author1"}
    assert names("address") == {"192.168.7.5", "fd00:7::5"}


@pytest.mark.parametrize("common", ["root", "user", "admin", "dev", "test", "ubuntu", "localhost", "bob", "1000", ""])
def test_names_that_ordinary_text_is_full_of_are_left_out(monkeypatch: pytest.MonkeyPatch, common: str) -> None:
    entry = pwd.struct_passwd((common, "x", 1000, 1000, common, f"/home/{common}", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    monkeypatch.setattr(socket, "gethostname", lambda: common)
    assert names("user") == names("host") == set()
    assert f"/home/{common}".rstrip("/") in names("home") or not common


@pytest.mark.parametrize("nowhere", ["/", "/nonexistent", "/tmp", ""])
def test_a_system_accounts_home_does_not_hide_every_path(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    entry = pwd.struct_passwd(("svc-mail", "x", 1000, 1000, "", nowhere, "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    monkeypatch.setenv("HOME", nowhere or "/")
    assert names("home") <= {os.getcwd()}


def test_a_user_without_an_entry_still_has_a_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert names("home") == {str(home)}


def test_people_of_the_repositories_are_known(repository: Path) -> None:
    git(repository, "config", "user.name", "Second Author")
    git(repository, "config", "user.email", "second@team.test")
    commit(repository, "First Author", "first@team.test")
    git(repository, "checkout", "--quiet", "--orphan", "other")
    commit(repository, "Thírd Author", "third@team.test")
    assert names("git_name", repository) == {"Second Author", "First Author", "Thírd Author"}
    assert names("git_email", repository) == {"second@team.test", "first@team.test", "third@team.test"}


def test_names_that_a_mailmap_restores_are_known_too(repository: Path) -> None:
    put(repository, ".mailmap", "First Author <first@team.test> <first@old.test>\n")
    commit(repository, "first-old", "first@old.test")
    assert names("git_name", repository) == {"first-old", "First Author"}
    assert names("git_email", repository) == {"first@old.test", "first@team.test"}


def test_robots_and_placeholders_are_nobody(repository: Path) -> None:
    for name, email in [
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
        ("GitHub", "noreply@github.com"),
        ("Your Name", "you@example.com"),
        ("root", "root@localhost"),
    ]:
        commit(repository, name, email)
    assert names("git_name", repository) == names("git_email", repository) == set()


def test_an_empty_repository_has_nobody(repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert names("git_name", repository) == set()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://git.team.test/a/b.git", "git.team.test"),
        ("https://me:pw@git.team.test:8443/a/b.git", "git.team.test"),
        ("ssh://git@git.team.test:2222/a", "git.team.test"),
        ("git@git.team.test:a/b.git", "git.team.test"),
        ("team-alias:a/b.git", "team-alias"),
        ("https://[fd00:7::9]/a", "fd00:7::9"),
        ("https://github.com/a/b", None),
        ("git@gitlab.com:a/b.git", None),
        ("/srv/git/a.git", None),
        ("file:///srv/git/a.git", None),
        ("../relative/path", None),
        ("relative/path", None),
    ],
)
def test_a_private_remotes_host_is_known_and_a_public_one_is_not(repository: Path, url: str, host: str | None) -> None:
    git(repository, "remote", "add", "origin", url)
    assert names("remote_host", repository) == ({host} if host else set())


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "SMTP_PASS", "GITHUB_TOKEN", "NPM_TOKEN", "CLIENT_SECRET", "SECRET_KEY",
        "STRIPE_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "GITLAB_PAT",
        "SENTRY_DSN", "BASIC_AUTH", "HTTP_AUTHORIZATION_TOKEN", "ENCRYPTION_KEY", "SESSION_COOKIE", "SLACK_WEBHOOK_URL",
        "clientSecret", "registry.password", "api-key",
    ],
)  # fmt: skip
def test_a_secret_of_the_environment_is_known_by_its_name(home: Path, name: str) -> None:
    assert of_environment(home, **{name: SECRET}) == [SECRET]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSTNAME", SECRET),
        ("LANG", "en_GB.UTF-8"),
        ("PWD", "/no/such/folder"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-abc/agent.1"),
        ("PASSWORD_FILE", "secrets/password"),
        ("TOKEN_URL", "https://login.team.test/token"),
        ("AUTH_TYPE", "kerberos-5"),
        ("MAX_TOKENS", "200000"),
        ("SECRET_COUNT", "123456789"),
        ("GIT_AUTHOR_NAME", "First Author"),
        ("TOKENIZERS_PARALLELISM", "parallel"),
        ("USE_TOKEN", "disabled"),
        ("API_KEY", "${API_KEY_OF_CI}"),
        ("API_KEY", "<your key here>"),
        ("API_KEY", "your-key-here"),
        ("API_KEY", "op://vault/item/field"),
        ("API_KEY", "changeme"),
        ("API_KEY", "short"),
        ("API_KEY", "      "),
        ("NUMBER_KEY", "1700000000.25"),
        ("KEYRING_KEY", str(Path(__file__))),
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(home: Path, name: str, value: str) -> None:
    assert of_environment(home, **{name: value}) == []


def test_a_weak_password_is_known_too(home: Path) -> None:
    assert of_environment(home, DB_PASSWORD="monkey") == ["monkey"]


def test_a_password_in_a_url_is_known_under_any_name_and_in_both_spellings(home: Path) -> None:
    found = of_environment(home, DATABASE="postgres://app:p%40ssw0rd-9@db.team.test/x")
    assert set(found) == {"p%40ssw0rd-9", "p@ssw0rd-9"}


def test_the_scheme_of_a_header_is_no_part_of_its_secret(home: Path) -> None:
    assert of_environment(home, AUTHORIZATION_TOKEN=f"Bearer {SECRET}") == [SECRET]


def test_each_line_of_a_private_key_is_known(home: Path) -> None:
    found = of_environment(
        home, DEPLOY_KEY="-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\nBCIEIPmC9xq\n-----END PRIVATE KEY-----"
    )
    assert {"MC4CAQAwBQYDK2Vw", "BCIEIPmC9xq"} <= set(found)
    assert "-----BEGIN PRIVATE KEY-----" not in found


def test_dotenv_files_give_their_secrets_and_keep_their_settings(home: Path, repository: Path) -> None:
    put(
        repository,
        ".env",
        f"""\
# PASSWORD=commented-out-1
export TOKEN='{SECRET}'
QUOTED_SECRET="with space # and hash"
PLAIN_SECRET=plain-value-1 # a comment
LICENCE=a1b2c3d4e5f6a7b8c9
APP_ENV=production
LOG_LEVEL=warning
PORT=8080
DATABASE_URL=postgres://app:s3cr3t-pw@db/x
EMPTY_SECRET=
""",
    )
    found = set(collect_secrets([repository], {}, home))
    assert found == {SECRET, "with space # and hash", "plain-value-1", "a1b2c3d4e5f6a7b8c9", "s3cr3t-pw"}


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        (".env", True),
        (".env.local", True),
        (".envrc", True),
        ("deploy/prod.env", True),
        ("a/b/c/d/.env", True),
        ("a/b/c/d/e/.env", False),
        (".env.example", False),
        (".env.sample", False),
        ("node_modules/x/.env", False),
        ("environment.py", False),
    ],
)
def test_dotenv_files_are_found_where_people_keep_them(home: Path, repository: Path, name: str, is_read: bool) -> None:
    put(repository, name, f"TOKEN={SECRET}\n")
    assert collect_secrets([repository], {}, home) == ([SECRET] if is_read else [])


def test_a_token_in_a_remotes_url_is_known(home: Path, repository: Path) -> None:
    git(repository, "remote", "add", "origin", f"https://ci:{SECRET}@git.team.test/a.git")
    assert collect_secrets([repository], {}, home) == [SECRET]


def basic(password: str) -> str:
    return base64.b64encode(f"author1:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".netrc", f"machine api.team.test\n  login author1\n  password {SECRET}\n"),
        (".netrc", f'machine x login y password "{SECRET}"'),
        (".pgpass", f"#comment\ndb.team.test:5432:*:app:{SECRET}\n"),
        (".git-credentials", f"https://author1:{SECRET}@git.team.test\n"),
        (".config/git/credentials", f"https://author1:{SECRET}@git.team.test\n"),
        (".aws/credentials", f"[default]\naws_secret_access_key = {SECRET}\n"),
        (".npmrc", f"//registry.team.test/:_authToken={SECRET}\n"),
        (".npmrc", f"//localhost:4873/:_authToken={SECRET}\n"),
        (".npmrc", f"_auth={basic(SECRET)}\n"),
        (".pypirc", f"[pypi]\nusername = __token__\npassword = {SECRET}\n"),
        (".cargo/credentials.toml", f'[registry]\ntoken = "{SECRET}"\n'),
        (".gem/credentials", f"---\n:rubygems_api_key: {SECRET}\n"),
        (".m2/settings.xml", f"<server><id>x</id><password>{SECRET}</password></server>\n"),
        (".my.cnf", f"[client]\npassword={SECRET} # mine\n"),
        (".kube/config", f"users:\n- name: me\n  user:\n    token: {SECRET}\n"),
        (".config/gh/hosts.yml", f"github.com:\n    user: author1\n    oauth_token: {SECRET}\n"),
        (".docker/config.json", json.dumps({"auths": {"registry.team.test": {"auth": basic(SECRET)}}})),
        (".docker/config.json", json.dumps({"auths": {"registry.team.test": {"identitytoken": SECRET}}})),
        (".config/gcloud/application_default_credentials.json", json.dumps({"refresh_token": SECRET})),
        (".azure/msal_token_cache.json", json.dumps({"RefreshToken": {"key": {"secret": SECRET}}})),
        (".vault-token", f"{SECRET}\n"),
        (".curlrc", f'user = "author1:{SECRET}"\n'),
        (".msmtprc", f"account default\npassword {SECRET}\n"),
        (".nuget/NuGet/NuGet.Config", f'<add key="ClearTextPassword" value="{SECRET}" />'),
        (".bashrc", f"alias ll='ls -l'\nexport OPENAI_API_KEY={SECRET}\n"),
        (".config/fish/config.fish", f"set -gx OPENAI_API_KEY {SECRET}\n"),
        (".config/helm/registry/config.json", json.dumps({"auths": {"x": {"auth": basic(SECRET)}}})),
        (".config/gcloud/legacy_credentials/me@team.test/adc.json", json.dumps({"client_secret": SECRET})),
        (".aws/sso/cache/0f3a.json", json.dumps({"accessToken": SECRET})),
        (".kube/staging.yaml", f"users:\n- user:\n    token: {SECRET}\n"),
        (".cache/huggingface/token", SECRET),
    ],
)
def test_credential_files_of_the_home_give_their_secrets(home: Path, name: str, content: str) -> None:
    put(home, name, content)
    found = of_home(home)
    assert SECRET in found
    assert not {"author1", "username", "__token__", "github.com"} & set(found)


def test_ssh_keys_are_known_line_by_line_and_not_by_what_all_have(home: Path, repository: Path) -> None:
    mark = "OPENSSH PRIVATE" + " KEY-----"
    body = ["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ", "QyNTUxOQAAACBmYWtlIGtleSBvZiBhIHRlc3Q", "AAAAB3Nzaw=="]
    text = "\n".join([f"-----BEGIN {mark}", *body, f"-----END {mark}"])
    put(home, ".ssh/id_ed25519", text)
    put(home, ".ssh/id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2U me@x")
    put(repository, "deploy/server.pem", text.replace("QyNT", "ZyNT"))
    assert collect_secrets([repository], {}, home) == [body[1].replace("QyNT", "ZyNT"), body[1]]


def test_a_password_of_digits_is_known_and_a_count_is_not(home: Path) -> None:
    assert of_environment(home, DB_PASSWORD="84719203") == ["84719203"]
    assert of_environment(home, DB_PASSWORD="847192", TOKEN_CREATED_AT="1700000000") == []


def test_every_value_says_where_it_is_known_from(home: Path, repository: Path) -> None:
    put(repository, "deploy/prod.env", "DB_PASSWORD=tulip7\n")
    put(home, ".netrc", f"machine x login y password {SECRET}")
    git(repository, "remote", "add", "origin", "https://ci:remote-pw-1@git.team.test/a.git")
    commit(repository, "First Author", "first.author@team.test")
    facts = [*collect_names([repository]), *collect([repository], {"TOKEN": "of-the-shell"}, home)]
    told = {one.value: one.source for one in facts}
    assert told["tulip7"] == "deploy/prod.env of project repository"
    assert told[SECRET] == "~/.netrc"
    assert told["of-the-shell"] == "environment variable TOKEN"
    assert told["remote-pw-1"] == "git settings of project repository"
    assert told["First Author"] == told["first.author"] == "git author of repository"
    assert told["git.team.test"] == "git remote of repository"
    assert told[str(home)] == "home folder"


def test_the_login_behind_a_hidden_address_is_known(repository: Path) -> None:
    commit(repository, "First Author", "49699333+first-login@users.noreply.github.com")
    assert "first-login" in names("user", repository)


# --- what changes is noticed -------------------------------------------------------------------------------------------


def looked_at(repository: Path, home: Path) -> Looked:
    looked = Looked()
    collect_names([repository], looked)
    collect([repository], {}, home, looked)
    return looked


@pytest.mark.parametrize(
    "change",
    [
        lambda home, repository: put(repository, ".env", "TOKEN=another-value-1\n"),
        lambda home, repository: (repository / ".env").unlink(),
        lambda home, repository: put(repository, "src/.env.local", "A=1\n"),
        lambda home, repository: put(home, ".netrc", "machine x"),
        lambda home, repository: put(home, ".aws/sso/cache/new.json", "{}"),
        lambda home, repository: git(repository, "config", "user.name", "Third Author"),
        lambda home, repository: commit(repository, "Second Author", "second@team.test"),
        lambda home, repository: git(repository, "remote", "add", "o", "https://git.team.test/a"),
    ],
)
def test_what_was_looked_at_differs_once_it_changed(
    home: Path, repository: Path, change: Callable[..., object]
) -> None:
    put(repository, ".env", "TOKEN=a-value-1\n")
    (repository / "src").mkdir()
    (home / ".aws/sso/cache").mkdir(parents=True)
    commit(repository, "First Author", "first@team.test")
    looked = looked_at(repository, home)
    assert not looked.has_changed()
    change(home, repository)
    assert looked.has_changed()


def test_a_linked_worktree_is_watched_where_git_keeps_it(home: Path, repository: Path, tmp_path: Path) -> None:
    commit(repository, "First Author", "first@team.test")
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "--quiet", str(linked))
    looked = looked_at(linked, home)
    git(repository, "config", "user.name", "Third Author")
    assert looked.has_changed()


def test_a_home_without_such_files_has_no_secrets(home: Path) -> None:
    assert of_home(home) == []


def test_the_scope_guard_takes_what_was_gathered(home: Path, repository: Path) -> None:
    commit(repository, "First Author", "first@team.test")
    facts = LocalFacts.of([*collect_names([repository]), *collect([], {"TOKEN": SECRET}, home)], bytes(32))
    assert SECRET not in repr(facts)
