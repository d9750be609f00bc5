"""Sessions of the web page over time: a link's minute, a working day, and how many there can be."""

from datetime import timedelta

import pytest

from hive_node.adapters.clock import SeededChance
from hive_node.api.access import Unauthorized
from hive_node.api.sessions import CODE_LIFE, SESSION_LIFE, Sessions
from tests.fakes.time import HeldClock


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def sessions(clock: HeldClock) -> Sessions:
    return Sessions(clock, SeededChance(7))


def test_a_code_is_good_until_its_minute_is_over(sessions: Sessions, clock: HeldClock) -> None:
    late, in_time = sessions.new_code(), sessions.new_code()
    clock.seconds += CODE_LIFE.total_seconds() - 0.001
    assert sessions.begin(in_time).key
    clock.seconds += 0.001
    with pytest.raises(Unauthorized, match="over a minute old"):
        sessions.begin(late)


def test_a_session_ends_after_a_working_day_whatever_was_done_in_it(sessions: Sessions, clock: HeldClock) -> None:
    signed = sessions.begin(sessions.new_code())
    session = sessions.find(signed.cookie, signed.key)
    clock.seconds += (SESSION_LIFE - timedelta(seconds=1)).total_seconds()
    assert sessions.find(signed.cookie, signed.key) is session
    clock.seconds += 1
    assert not sessions.is_live(session)
    with pytest.raises(Unauthorized):
        sessions.find(signed.cookie, signed.key)


def test_neither_codes_nor_sessions_pile_up_and_the_newest_stay(sessions: Sessions) -> None:
    codes = [sessions.new_code() for _ in range(200)]
    with pytest.raises(Unauthorized):
        sessions.begin(codes[0])
    opened = [sessions.begin(code) for code in codes[-10:]]
    opened += [sessions.begin(sessions.new_code()) for _ in range(10)]
    assert sessions.find(opened[-1].cookie, opened[-1].key)
    with pytest.raises(Unauthorized):
        sessions.find(opened[0].cookie, opened[0].key)


@pytest.mark.parametrize("secret", ["", "ü", "\udcff", "A" * 100_000])
def test_any_text_is_a_wrong_secret(sessions: Sessions, secret: str) -> None:
    signed = sessions.begin(sessions.new_code())
    for cookie, key in ((secret, signed.key), (signed.cookie, secret), (secret, secret)):
        with pytest.raises(Unauthorized):
            sessions.find(cookie, key)
    with pytest.raises(Unauthorized):
        sessions.begin(secret)


def test_no_secret_is_kept(sessions: Sessions) -> None:
    code = sessions.new_code()
    assert code not in repr(sessions)
    signed = sessions.begin(code)
    assert signed.cookie not in repr(sessions)
    assert signed.key not in repr(sessions)
