"""Where secrets are kept on this machine: its environment, the repositories' settings, the home's credential files."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from guardrails.scope import Fact
from hive_node.adapters.dictionary import formats
from hive_node.adapters.dictionary.files import Looked
from hive_node.adapters.dictionary.formats import Reader
from hive_node.adapters.dictionary.git import settings_of
from hive_node.adapters.dictionary.values import cleaned, in_urls, named

SECRETS: Final = 10_000

Sourced: TypeAlias = Iterator[tuple[str, Iterable[str]]]


def collect_secrets(
    repositories: Iterable[Path],
    environment: Mapping[str, str],
    home: Path,
    looked: Looked | None = None,
    kept: Iterable[Path] = (),
) -> list[Fact]:
    """Values that must never be in a delta: of `environment`, the repositories' `.env` and key files and `home`'s credential
    files.

    Each has 6 characters or more. Files are read up to FILE_BYTES, and only inside `home` or the repository, wherever a
    link leads. looked: told of every file and folder that was looked at. kept: files of the node's own that are a secret.
    """
    looked = Looked() if looked is None else looked
    found: dict[str, Fact] = {}
    for source, raws in chain(_of_node(kept, looked), _sources(list(repositories), environment, home, looked)):
        for value in (value for raw in raws for value in cleaned(raw)):
            found.setdefault(value, Fact("secret", value, source))
        if len(found) >= SECRETS:
            break
    return list(found.values())[:SECRETS]


def _sources(repositories: list[Path], environment: Mapping[str, str], home: Path, looked: Looked) -> Sourced:
    for name, value in environment.items():
        yield f"environment variable {name}", named([(name, value)])
    for repository in repositories:
        yield from _of_repository(repository, looked)
    for name, reader in _HOME_FILES.items():
        for path in looked.matching(home, name) if "*" in name else [home / name]:
            yield f"~/{path.relative_to(home)}", reader(looked.text_inside(path, home))


def _of_node(kept: Iterable[Path], looked: Looked) -> Sourced:
    for path in kept:
        yield f"{path.name} of this node", formats.whole(looked.text(path))


def _of_repository(repository: Path, looked: Looked) -> Sourced:
    settings, keys = looked.settings_and_keys(repository)
    for path, reader in [*((one, formats.dotenv) for one in settings), *((one, formats.key_file) for one in keys)]:
        name = f"{path.relative_to(repository)} of project {repository.name}"
        yield name, reader(looked.text_inside(path, repository))
    urls = (value for _, value in settings_of(repository, looked))
    yield f"git settings of project {repository.name}", [password for url in urls for password in in_urls(url)]


_ASSIGNED: Final = (
    ".aws/credentials", ".aws/config", ".yarnrc.yml", ".pypirc", ".config/pip/pip.conf", ".pip/pip.conf", ".condarc",
    ".config/pypoetry/auth.toml", ".cargo/credentials.toml", ".cargo/credentials", ".gem/credentials", ".bundle/config",
    ".m2/settings.xml", ".gradle/gradle.properties", ".sbt/.credentials", ".ivy2/.credentials", ".nuget/NuGet/NuGet.Config",
    ".my.cnf", ".s3cfg", ".boto", ".passwd-s3fs", ".smbcredentials", ".wgetrc", ".msmtprc", ".mbsyncrc", ".fetchmailrc",
    ".gitconfig", ".config/git/config", ".kube/config", ".kube/*.yaml", ".kube/*.yml", ".config/helm/repositories.yaml",
    ".config/gh/hosts.yml", ".config/hub", ".config/glab-cli/config.yml", ".config/doctl/config.yaml", ".oci/config",
    ".config/hcloud/cli.toml", ".config/scw/config.yaml", ".config/linode-cli", ".config/exoscale/exoscale.toml", ".fly/config.yml",
    ".config/rclone/rclone.conf", ".config/stripe/config.toml", ".sentryclirc", ".config/ngrok/ngrok.yml", ".ngrok2/ngrok.yml",
    ".terraformrc", ".databrickscfg", ".snowsql/config", ".snowflake/config.toml", ".dbt/profiles.yml", ".wrangler/config/default.toml",
    ".config/.wrangler/config/default.toml", ".vault", ".streamlit/secrets.toml", ".config/containers/registries.conf",
)  # fmt: skip
_JSON: Final = (
    ".docker/config.json", ".config/containers/auth.json", ".config/helm/registry/config.json", ".composer/auth.json",
    ".config/composer/auth.json", ".config/gcloud/application_default_credentials.json",
    ".config/gcloud/legacy_credentials/*/adc.json", ".aws/sso/cache/*.json", ".aws/cli/cache/*.json",
    ".azure/msal_token_cache.json", ".azure/accessTokens.json", ".azure/service_principal_entries.json",
    ".terraform.d/credentials.tfrc.json", ".pulumi/credentials.json", ".config/netlify/config.json", ".cf/config.json",
    ".local/share/com.vercel.cli/auth.json", ".config/configstore/*.json", ".kaggle/kaggle.json", ".mc/config.json",
    ".claude/.credentials.json", ".codex/auth.json",
)  # fmt: skip
# Where people put `export OPENAI_API_KEY=…`.
_PROFILES: Final = (
    ".profile", ".bashrc", ".bash_profile", ".zshrc", ".zshenv", ".zprofile", ".config/fish/config.fish", ".Renviron",
    ".config/environment.d/*.conf",
)  # fmt: skip
_TOKENS: Final = (
    ".vault-token", ".cache/huggingface/token", ".huggingface/token", ".config/openai/token", ".config/sops/age/keys.txt",
)  # fmt: skip
_KEYS: Final = (".ssh/*", ".oci/*.pem", ".putty/*.ppk", ".aws/*.pem")

_HOME_FILES: Final[Mapping[str, Reader]] = {
    ".netrc": formats.netrc,
    ".pgpass": formats.pgpass,
    ".env": formats.dotenv,
    ".npmrc": formats.npmrc,
    ".curlrc": formats.curlrc,
    ".git-credentials": in_urls,
    ".config/git/credentials": in_urls,
    **dict.fromkeys(_ASSIGNED, formats.assignments),
    **dict.fromkeys(_JSON, formats.json_file),
    **dict.fromkeys(_PROFILES, formats.profile),
    **dict.fromkeys(_TOKENS, formats.whole),
    **dict.fromkeys(_KEYS, formats.key_file),
}
