import errno
import socket

import pytest

from hive_node.adapters import listening
from hive_node.adapters.listening import listening_at


def reaches(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family) as one:
        return one.connect_ex((host, port)) == 0


def test_everywhere_is_both_families_behind_one_port() -> None:
    with listening_at("::", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        assert reaches(socket.AF_INET, "127.0.0.1", port)
        assert reaches(socket.AF_INET6, "::1", port)


def test_every_ipv4_address_is_no_ipv6_address() -> None:
    with listening_at("0.0.0.0", 0) as taken:
        taken.listen()
        assert reaches(socket.AF_INET, "127.0.0.1", taken.getsockname()[1])
        assert not reaches(socket.AF_INET6, "::1", taken.getsockname()[1])


def test_a_port_that_is_taken_is_refused_and_nothing_is_left_open() -> None:
    with listening_at("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(OSError) as caught:
            listening_at("127.0.0.1", taken.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(OSError):
        listening_at("localhost", 0)


@pytest.mark.parametrize("host", ["::", "fd00:7::1"])
def test_a_kernel_without_ipv6_listens_everywhere_else(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    bound = listening._bound

    def without_ipv6(where: str, port: int) -> socket.socket:
        if ":" in where:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")
        return bound(where, port)

    monkeypatch.setattr(listening, "_bound", without_ipv6)
    if host != "::":
        with pytest.raises(OSError):
            listening_at(host, 0)
        return
    with listening_at(host, 0) as taken:
        assert taken.family == socket.AF_INET
