"""The model that config.toml names: whether a project may use it, who pays, and one client of it for the whole node."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from guardrails.prices import Price
from hive_node.adapters.llm.keys import Key, find_key
from hive_node.adapters.llm.messages import PROVIDER, MessagesModel
from hive_node.adapters.llm.prices import price_of
from hive_node.adapters.plugins import MODELS, load
from hive_node.config.model import ModelSection
from hive_node.config.project import ProjectSpec
from hive_node.ports import LanguageModel, ModelFault

# A local server wants a header, and reads nothing from it: a real key is never sent to it.
_NO_KEY = Key("none", "nowhere: this model needs none")


@dataclass(slots=True)
class ModelDesk:
    """settings: None where config.toml has no [model]. environment: where a key may be."""

    settings: ModelSection | None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    _open: dict[str, MessagesModel] = field(default_factory=dict, repr=False)

    async def check(self, spec: ProjectSpec) -> None:
        """Raises ModelFault, with the remedy, where an experiment of `spec` could not ask the model: nothing is sent or spent."""
        settings = self._settings()
        price = self.price()
        dollars = spec.budget.dollars
        if not price.is_free and not dollars:
            raise ModelFault(
                "model.over-budget",
                f"{settings.name} costs money, and this project may spend none: write `dollars` under [budget] in hive.toml",
            )
        await self.key()

    async def model(self) -> LanguageModel:
        """The client, or the user's own. Raises ModelFault, FatalError where that one cannot be imported."""
        settings = self._settings()
        if settings.plugin is not None:
            own: LanguageModel = load(MODELS, settings.plugin)(settings.name)
            return own
        key = await self.key()
        if key.text not in self._open:
            self._open[key.text] = MessagesModel(
                settings.name, key.text, settings.base_url or PROVIDER, settings.timeout_s, settings.is_loopback
            )
        return self._open[key.text]

    @property
    def is_local(self) -> bool:
        """Whether the model runs on this machine: what it is asked does not leave."""
        return self._settings().is_loopback

    def price(self) -> Price:
        """What the model costs. Raises ModelFault(model.no-price)."""
        settings = self._settings()
        price = price_of(settings)
        if price is None:
            raise ModelFault(
                "model.no-price",
                f'nobody knows what {settings.name} costs: write its prices under [model.prices."{settings.name}"] in config.toml',
            )
        return price

    async def key(self) -> Key:
        """What is sent as the key. Raises ModelFault(model.no-key)."""
        if self.price().is_free or self._settings().plugin is not None:
            return _NO_KEY
        return await asyncio.to_thread(find_key, self.environment)

    def most_output(self) -> int:
        """The longest answer that is asked for, in tokens."""
        return self._settings().max_output_tokens

    async def close(self) -> None:
        """Let go of the connections."""
        while self._open:
            await self._open.popitem()[1].close()

    def _settings(self) -> ModelSection:
        if self.settings is None:
            raise ModelFault(
                "model.none",
                "config.toml names no model: write [model] with a name (docs/language-model.md), and restart",
            )
        return self.settings
