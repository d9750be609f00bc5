"""Whether a project may ask the configured model, before anything is sent: key, price, budget; each *no* with its remedy."""

import os
import sys
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from guardrails.prices import Usage
from hive_node.adapters.llm import ModelDesk, price_of, published
from hive_node.adapters.llm.keys import VARIABLE
from hive_node.config.node import NodeConfig
from hive_node.config.project import parse_project_spec
from hive_node.config.toml import ConfigError, parse_toml
from hive_node.ports import ModelFault
from tests.fakes.improving import SPEC

PAID = 'name = "claude-haiku-5-5"'
LOCAL = 'name = "qwen3-coder"\nbase_url = "http://127.0.0.1:11434"'
KEY = {VARIABLE: "sk-ant-of-a-test"}
RATES = "input = 1\noutput = 5\ncache_write = 1.25\ncache_write_hour = 2\ncache_read = 0.1\n"


def settings(text: str) -> Any:
    config = parse_toml(f'[node]\nname = "n"\nowner = "o"\n[model]\n{text}\n', NodeConfig, "config.toml")
    assert config.model is not None
    return config.model


def spec(budget: str = "") -> Any:
    return parse_project_spec(SPEC.format(extra="").replace("iterations = 8", f"iterations = 8\n{budget}"))


def desk(text: str | None, environment: dict[str, str] | None = None) -> ModelDesk:
    return ModelDesk(settings(text) if text else None, environment if environment is not None else KEY)


@pytest.mark.parametrize(
    ("text", "environment", "budget", "code", "remedy"),
    [
        (None, KEY, "dollars = 1.0", "model.none", "write [model]"),
        (PAID, {}, "dollars = 1.0", "model.no-key", "set ANTHROPIC_API_KEY"),
        (PAID, {VARIABLE: "two words"}, "dollars = 1.0", "model.no-key", "one word"),
        (PAID, KEY, "", "model.over-budget", "write `dollars` under [budget]"),
        (PAID, KEY, "dollars = 0", "model.over-budget", "write `dollars` under [budget]"),
        ('name = "claude-9"', KEY, "dollars = 1.0", "model.no-price", '[model.prices."claude-9"]'),
        ('name = "claude-9"', KEY, "", "model.no-price", '[model.prices."claude-9"]'),
    ],
)
async def test_what_is_missing_is_said_before_an_experiment_begins(
    text: str | None, environment: dict[str, str], budget: str, code: str, remedy: str
) -> None:
    with pytest.raises(ModelFault) as missing:
        await desk(text, environment).check(spec(budget))
    assert missing.value.code == code
    assert remedy in str(missing.value)


async def test_with_key_price_and_dollars_nothing_is_missing() -> None:
    one = desk(PAID)
    await one.check(spec("dollars = 0.5"))
    assert (await one.model()).base_url == "https://api.anthropic.com"
    assert "sk-ant" not in repr(one) + repr(await one.key()) + repr(await one.model())


async def test_a_model_on_this_machine_needs_neither_key_nor_dollars_and_is_sent_no_key() -> None:
    one = desk(LOCAL)
    await one.check(spec())
    assert one.price().is_free
    assert (await one.model()).key not in KEY.values()


async def test_a_model_on_this_machine_that_has_a_price_is_paid_like_any_other() -> None:
    one = desk(f'{LOCAL}\n[model.prices."qwen3-coder"]\n{RATES}', {})
    with pytest.raises(ModelFault, match="dollars"):
        await one.check(spec())
    with pytest.raises(ModelFault, match="key"):
        await one.check(spec("dollars = 1.0"))


async def test_a_key_may_lie_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    one = desk(PAID, {})

    def get_password(service: str, account: str) -> str | None:
        asked.append((service, account))
        return "sk-ant-in-the-ring\n"

    install_keyring(monkeypatch, get_password)
    key = await one.key()
    assert (key.text, key.origin, asked) == ("sk-ant-in-the-ring", "the keyring", [("hive-node", "anthropic")])


async def test_a_keyring_that_stays_locked_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    module = install_keyring(monkeypatch, lambda *_: None)

    def locked(*_: str) -> None:
        raise module.errors.KeyringError("no prompt")

    module.get_password = locked
    with pytest.raises(ModelFault, match="unlock it or install one") as closed:
        await desk(PAID, {}).key()
    assert closed.value.code == "model.no-key"


def install_keyring(monkeypatch: pytest.MonkeyPatch, get_password: Any) -> Any:
    """A keyring as the library shows it: it is an extra, and a test has no desktop."""
    module, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace(name="keyring")  # type: ignore[assignment]
    module.get_password, module.errors = get_password, errors  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return module


# --- prices and settings


def test_the_published_prices_have_a_date_and_are_whole() -> None:
    listed = published()
    assert len(listed.as_of) == len("2026-10-24")
    for name in listed.prices:
        price = price_of(settings(f'name = "{name}"'))
        assert price is not None
        assert not price.is_free
        assert price.rates.cache_read < price.rates.input < price.rates.cache_write < price.rates.output


def test_a_price_of_ones_own_takes_the_place_of_the_published_one_exactly() -> None:
    price = price_of(settings(f'{PAID}\n[model.prices."claude-haiku-5-5"]\n{RATES}'))
    assert price is not None
    assert (price.rates.cache_read, price.long) == (Decimal("0.1"), None)
    assert price.cost(Usage(input_tokens=10, cache_read_tokens=10)) == 11


def test_a_price_by_the_length_of_the_prompt_can_be_written() -> None:
    text = f'{PAID}\n[model.prices."claude-haiku-5-5"]\n{RATES}[model.prices."claude-haiku-5-5".long]\nabove_tokens = 10\n{RATES}'
    price = price_of(settings(text.replace("output = 5", "output = 6", 1)))
    assert price is not None
    assert price.cost(Usage(input_tokens=10, output_tokens=1)) == 16
    assert price.cost(Usage(input_tokens=11, output_tokens=1)) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"\nbase_url = "http://192.168.1.9:11434"', "in the clear"),
        ('name = "x"\nbase_url = "https://user:key@example.org"', "without user, key"),
        ('name = "x"\nbase_url = "ollama"', "an address is written"),
        ('name = "x"\napi_key = "sk"', "unknown key `model.api_key`"),
        ('name = "two words"', "model.name"),
        ('name = "x"\nmax_output_tokens = 100', "max_output_tokens"),
        ('name = "x"\n[model.prices.x]\ninput = 1', "missing key"),
        (f'name = "x"\n[model.prices.x]\n{RATES.replace("= 5", "= -5")}', "output"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(text)
    assert said in str(refused.value)


def test_a_model_on_another_machine_of_ones_own_is_declared_free() -> None:
    free = "input = 0\noutput = 0\ncache_write = 0\ncache_write_hour = 0\ncache_read = 0\n"
    one = settings(f'name = "q"\nbase_url = "http://192.168.1.9:11434"\n[model.prices.q]\n{free}')
    price = price_of(one)
    assert price is not None
    assert price.is_free


def test_importing_the_node_does_not_import_the_sdk() -> None:
    import subprocess

    root = Path(__file__).resolve().parents[3]
    code = "import sys, hive_node.app; sys.exit('anthropic' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0
