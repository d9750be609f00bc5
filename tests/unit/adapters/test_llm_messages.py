"""The Messages API, asked over real HTTP: what is sent, what comes back, and each way in which it does not."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hive_node.adapters.llm import MessagesModel
from hive_node.ports import Ending, ModelFault, Prompt
from tests.fakes.messages_api import KEY, MODEL, Line, MessagesApi, tokens

PROMPT = Prompt("You improve code.", "the files", "one idea, please")
Ask = Callable[..., Awaitable[tuple[MessagesModel, MessagesApi]]]


@pytest.fixture
async def model_over() -> AsyncIterator[Ask]:
    opened: list[Any] = []

    async def make(*script: Any, key: str = KEY, name: str = MODEL, timeout_s: float = 10.0, **options: Any) -> Any:
        api = MessagesApi(script or (Line("hello"),), **options)
        runner = await api.start()
        model = MessagesModel(name, key, api.url, timeout_s, is_direct=True)
        opened.append((model, runner))
        return model, api

    yield make
    for model, runner in opened:
        await model.close()
        await runner.cleanup()


async def test_an_answer_comes_with_what_it_took_and_its_thinking_is_not_part_of_it(model_over: Ask) -> None:
    model, api = await model_over(Line("an idea " * 50, thinking=30))
    answer = await model.answer(PROMPT, 4096)
    assert (answer.text, answer.ending) == ("an idea " * 50, Ending.DONE)
    usage = api.usages[0]
    assert answer.usage.output_tokens == usage["output_tokens"] == tokens(answer.text) + 30
    assert answer.usage.prompt_tokens == usage["input_tokens"] + usage["cache_creation_input_tokens"]


async def test_the_stable_part_is_marked_for_the_cache_and_read_from_it_the_second_time(model_over: Ask) -> None:
    model, api = await model_over()
    first = await model.answer(PROMPT, 1024)
    second = await model.answer(Prompt(PROMPT.system, PROMPT.material, "another question"), 1024)
    assert first.usage.cache_write_tokens == second.usage.cache_read_tokens > 0
    assert "cache_control" not in api.asked[0]["messages"][0]["content"][1], (
        "what changes is never written to the cache"
    )


async def test_no_setting_is_sent_that_a_model_of_these_days_refuses(model_over: Ask) -> None:
    model, api = await model_over()
    await model.answer(PROMPT, 2000)
    assert set(api.asked[0]) == {"model", "max_tokens", "system", "messages", "stream"}
    assert (api.asked[0]["model"], api.asked[0]["max_tokens"], api.asked[0]["stream"]) == (MODEL, 2000, True)


async def test_a_conversation_goes_on_with_what_was_said(model_over: Ask) -> None:
    model, api = await model_over()
    await model.answer(Prompt("s", "m", "q", [("a first answer", "that did not fit")]), 1024)
    assert [message["role"] for message in api.asked[0]["messages"]] == ["user", "assistant", "user"]


async def test_a_count_costs_nothing_and_leaves_room_for_being_a_little_wrong(model_over: Ask) -> None:
    model, api = await model_over()
    counted = await model.count(PROMPT)
    assert counted == sum(tokens(text) for text in (PROMPT.system, PROMPT.material, PROMPT.question))
    assert await model.most_tokens(PROMPT) > counted
    assert (api.counted, api.asked) == (2, [])


async def test_a_server_that_cannot_count_is_not_asked_again_and_the_bound_is_our_own(model_over: Ask) -> None:
    model, api = await model_over(counts=False)
    text = "wörter " * 100
    bound = await model.most_tokens(Prompt("s", "m", text))
    assert bound >= len(text.encode())
    assert await model.count(PROMPT) is None
    assert not api.asked


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "model.bad-request"),
        (402, "model.no-credit"),
        (403, "model.key-refused"),
        (413, "model.too-large"),
        (429, "model.rate-limited"),
        (500, "model.overloaded"),
        (529, "model.overloaded"),
        (307, "model.protocol"),
    ],
)
async def test_each_refusal_has_a_code_of_its_own_and_cost_nothing(model_over: Ask, status: int, code: str) -> None:
    model, api = await model_over(
        Line(fail=status, headers={"Location": "http://127.0.0.1:9/"} if status == 307 else {})
    )
    with pytest.raises(ModelFault) as refused:
        await model.answer(PROMPT, 1024)
    assert (refused.value.code, refused.value.is_free, len(api.asked)) == (code, True, 1)


async def test_a_wrong_key_and_an_unknown_model_are_told_apart_before_anything_is_spent(model_over: Ask) -> None:
    wrong_key, _ = await model_over(key="sk-ant-wrong")
    wrong_name, _ = await model_over(name="claude-none")
    for model, code in ((wrong_key, "model.key-refused"), (wrong_name, "model.unknown")):
        with pytest.raises(ModelFault) as counted:
            await model.most_tokens(PROMPT)
        with pytest.raises(ModelFault) as answered:
            await model.answer(PROMPT, 1024)
        assert (counted.value.code, answered.value.code) == (code, code)
        assert "sk-ant" not in f"{counted.value} {model!r}"


async def test_when_to_ask_again_is_read_from_the_answer(model_over: Ask) -> None:
    model, _ = await model_over(Line(fail=429, headers={"retry-after": "7"}))
    with pytest.raises(ModelFault) as limited:
        await model.answer(PROMPT, 1024)
    assert limited.value.retry_after_s == 7


async def test_the_end_of_an_answer_is_told(model_over: Ask) -> None:
    model, _ = await model_over(Line("x" * 40_000), Line("no", stop="refusal"))
    assert (await model.answer(PROMPT, 1024)).ending is Ending.CUT_OFF
    assert (await model.answer(PROMPT, 1024)).ending is Ending.REFUSED


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (Line("x" * 500, drop_after=100), "model.unreachable"),
        (Line("x" * 500, error_after=100), "model.overloaded"),
        (Line("x" * 200_000, pause_s=0.01), "model.too-slow"),
        (Line(hangs=True), "model.unreachable"),
        (Line(raw="<html>a portal</html>"), "model.protocol"),
        (Line(raw="<html>a gateway's time is up</html>", raw_status=504), "model.overloaded"),
        (Line("x", usage={"output_tokens": -5}), "model.protocol"),
        (Line("x", usage={"input_tokens": "many"}), "model.protocol"),
    ],
)
async def test_what_may_have_cost_something_is_not_called_free(model_over: Ask, line: Line, code: str) -> None:
    model, _ = await model_over(line, timeout_s=0.5 if line.hangs or line.pause_s else 30.0)
    with pytest.raises(ModelFault) as failed:
        await model.answer(PROMPT, 100_000)
    assert (failed.value.code, failed.value.is_free) == (code, False)


async def test_nobody_listening_is_free_and_says_where(unused_port: int) -> None:
    model = MessagesModel(MODEL, KEY, f"http://127.0.0.1:{unused_port}", 5.0, is_direct=True)
    for ask in (model.answer(PROMPT, 1024), model.most_tokens(PROMPT)):
        with pytest.raises(ModelFault) as failed:
            await ask
        assert (failed.value.code, failed.value.is_free) == ("model.unreachable", True)
        assert str(unused_port) in str(failed.value)
    await model.close()


async def test_an_attempt_is_made_once_since_a_second_may_cost_a_second_time(model_over: Ask) -> None:
    model, api = await model_over(Line(fail=529), Line("late"))
    with pytest.raises(ModelFault):
        await model.answer(PROMPT, 1024)
    assert len(api.asked) == 1


async def test_a_stopped_call_closes_its_connection(model_over: Ask) -> None:
    model, api = await model_over(Line("x" * 100_000, pause_s=0.01), Line("next"))
    async with asyncio.timeout(10):
        task = asyncio.ensure_future(model.answer(PROMPT, 100_000))
        while not api.usages:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await model.answer(PROMPT, 1024)).text == "next"


async def test_neither_prompt_nor_key_nor_answer_is_logged_at_any_level(
    model_over: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model, _ = await model_over(Line("a secret answer"), Line(fail=400, message="what is wrong\nwith it"))
    await model.answer(Prompt("a secret system", "secret files", "a secret question"), 1024)
    with pytest.raises(ModelFault, match="what is wrong with it"):
        await model.answer(PROMPT, 1024)
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.split(".")[0] != "asyncio")
    assert "secret" not in logged
    assert KEY not in logged


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
