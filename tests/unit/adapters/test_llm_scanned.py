"""What a model at a provider's is asked holds no secret, and not who or where this machine is."""

from guardrails.prices import Usage
from guardrails.scope import Engine, Fact, LocalFacts, ScopeGuard
from guardrails.scope.catalogue import load_rules
from hive_node.adapters.llm.scanned import ScannedModel
from hive_node.ports import Answer, Ending, Prompt

TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
# A few rules: this is about what becomes of what they find.
ENGINE = Engine([one for one in load_rules() if one.provider == "github"])
FACTS = LocalFacts.of(
    [Fact("secret", "tulip7", ".env of lz"), Fact("home", "/home/akowalska", "home folder"), Fact("host", "matrix")],
    bytes(32),
)


class Heard:
    """A model that remembers what it was asked."""

    name = "heard"

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    async def most_tokens(self, prompt: Prompt) -> int:
        self.prompts.append(prompt)
        return 7

    async def answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        self.prompts.append(prompt)
        return Answer("", Usage(max_tokens, 1), Ending.DONE)


async def test_no_part_of_a_prompt_carries_a_secret_or_a_name_of_this_machine() -> None:
    refreshed: list[int] = []

    async def refresh() -> None:
        refreshed.append(1)

    heard = Heard()
    model = ScannedModel(heard, ScopeGuard(ENGINE, FACTS), refresh)
    material = f"KEY = '{TOKEN}'\npassword: TULIP7\nmatrix = load(bob@firma-nord.de)\n"
    prompt = Prompt("system", material, "it said: no /home/akowalska/lz/x", [("use tulip7", f"not {TOKEN}")])

    assert model.name == "heard"
    assert await model.most_tokens(prompt) == 7
    await model.answer(prompt, 9)

    clean = Prompt(
        "system",
        "KEY = '[secret]'\npassword: [secret]\nmatrix = load(bob@firma-nord.de)\n",
        "it said: no [path]/lz/x",
        [("use [secret]", "not [secret]")],
    )
    assert heard.prompts == [clean, clean]
    assert len(refreshed) == 2
