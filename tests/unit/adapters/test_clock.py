import asyncio
from datetime import UTC

from hive_node.adapters.clock import SystemChance, SystemClock


def test_the_present_is_aware_and_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_monotonic_time_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)


async def test_sleeping_a_negative_time_still_lets_others_run() -> None:
    ran = asyncio.Event()

    async def other() -> None:
        ran.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        await SystemClock().sleep(-1)
        assert ran.is_set()


def test_tokens_have_the_length_asked_for_and_differ() -> None:
    chance = SystemChance()
    tokens = {chance.token_bytes(32) for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {32}


def test_a_sample_larger_than_the_population_is_all_of_it() -> None:
    assert sorted(SystemChance().sample(["a", "b"], 3)) == ["a", "b"]
    assert SystemChance().sample([], 3) == []


def test_a_sample_takes_nobody_twice() -> None:
    chance = SystemChance()
    assert all(len(set(chance.sample(range(10), 3))) == 3 for _ in range(100))


def test_a_choice_is_one_of_the_population() -> None:
    assert {SystemChance().choice("ab") for _ in range(100)} == {"a", "b"}


def test_uniform_stays_within_its_bounds() -> None:
    chance = SystemChance()
    assert all(0.5 <= chance.uniform(0.5, 1.5) <= 1.5 for _ in range(1000))


def test_a_coin_has_two_sides() -> None:
    chance = SystemChance()
    assert {chance.coin() for _ in range(100)} == {True, False}


def test_a_seed_fits_a_signed_64_bit_integer() -> None:
    chance = SystemChance()
    seeds = [chance.seed() for _ in range(1000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert len(set(seeds)) == 1000
