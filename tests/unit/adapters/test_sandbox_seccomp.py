"""The filter, run by an interpreter of classic BPF: what it decides for each machine, this one or not."""

import struct

import pytest

from hive_node.adapters.sandbox import seccomp

ASK = 0x7FC00000
ALLOW, EPERM, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50001, 0x50026, 0x50061
X86, ARM, I386 = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7), 0x40000003
THREAD_FLAGS = 0x3D0F00  # what the C library asks of clone for a thread


def decide(machine: str, audit: int, number: int, *arguments: int) -> int:
    return run(seccomp.program(machine), audit, number, *arguments)


def decide_alone(machine: str, audit: int, number: int, *arguments: int) -> int:
    """Without namespaces."""
    return run(seccomp.program_without_namespaces(machine), audit, number, *arguments)


def run(program: bytes | None, audit: int, number: int, *arguments: int) -> int:
    assert program is not None
    code = list(struct.iter_unpack("=HBBI", program))
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, audit, 0, *padded)
    at = loaded = 0
    while True:
        operation, when_true, when_false, value = code[at]
        at += 1
        match operation:
            case 0x20:
                (loaded,) = struct.unpack_from("=I", data, value)
            case 0x54:
                loaded &= value
            case 0x06:
                return int(value)
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[operation]
                at += when_true if holds else when_false
            case _:
                raise AssertionError(f"not an instruction of ours: {operation:#x}")


@pytest.mark.parametrize(
    ("machine", "refused"),
    [
        (
            X86,
            {
                "mount": 165,
                "unshare": 272,
                "setns": 308,
                "keyctl": 250,
                "add_key": 248,
                "bpf": 321,
                "ptrace": 101,
                "process_vm_writev": 311,
                "pidfd_getfd": 438,
                "ring": 425,
                "fsopen": 430,
            },
        ),
        (
            ARM,
            {
                "mount": 40,
                "unshare": 97,
                "setns": 268,
                "keyctl": 219,
                "add_key": 217,
                "bpf": 280,
                "ptrace": 117,
                "process_vm_writev": 271,
                "pidfd_getfd": 438,
                "ring": 425,
                "fsopen": 430,
            },
        ),
    ],
)
def test_calls_that_reach_out_of_the_namespaces_are_refused(machine: tuple[str, int], refused: dict[str, int]) -> None:
    assert {name: decide(*machine, number) for name, number in refused.items()} == dict.fromkeys(refused, EPERM)
    assert decide(*machine, 435) == ENOSYS


@pytest.mark.parametrize(
    ("machine", "ordinary"), [(X86, [0, 1, 2, 9, 57, 59, 202, 231]), (ARM, [56, 63, 64, 93, 221, 222, 98])]
)
def test_ordinary_calls_pass(machine: tuple[str, int], ordinary: list[int]) -> None:
    assert {decide(*machine, number) for number in ordinary} == {ALLOW}


@pytest.mark.parametrize(("machine", "clone"), [(X86, 56), (ARM, 220)])
def test_threads_may_start_and_namespaces_may_not(machine: tuple[str, int], clone: int) -> None:
    assert decide(*machine, clone, THREAD_FLAGS) == ALLOW
    assert decide(*machine, clone, 17) == ALLOW
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(*machine, clone, namespace | 17) == EPERM


@pytest.mark.parametrize(("machine", "socket"), [(X86, 41), (ARM, 198)])
def test_sockets_are_of_families_that_a_network_namespace_contains(machine: tuple[str, int], socket: int) -> None:
    assert [family for family in range(50) if decide(*machine, socket, family) == ALLOW] == [1, 2, 10, 16]
    assert decide(*machine, socket, 40) == EAFNOSUPPORT
    assert decide(*machine, socket, 40 | 1 << 32) == EAFNOSUPPORT  # the kernel looks at the low half alone


@pytest.mark.parametrize(("machine", "ioctl"), [(X86, 16), (ARM, 29)])
def test_typing_into_a_terminal_is_refused_and_other_requests_are_not(machine: tuple[str, int], ioctl: int) -> None:
    assert decide(*machine, ioctl, 0, 0x5412) == EPERM
    assert decide(*machine, ioctl, 0, 0x541C) == EPERM
    assert decide(*machine, ioctl, 0, 0x5412 | 1 << 32) == EPERM
    assert decide(*machine, ioctl, 0, 0x5401) == ALLOW


def test_calls_by_another_convention_do_not_slip_past_the_numbers() -> None:
    assert decide("x86_64", I386, 21) == ENOSYS
    assert decide("x86_64", X86[1], 0x40000000 | 165) == ENOSYS
    assert decide("aarch64", X86[1], 40) == ENOSYS


def test_a_machine_without_numbers_has_no_filter() -> None:
    assert seccomp.program("riscv64") is None
    assert seccomp.program_without_namespaces("riscv64") is None


@pytest.mark.parametrize("machine", [X86, ARM])
def test_without_namespaces_there_is_no_socket_but_a_connected_pair(machine: tuple[str, int]) -> None:
    socket, pair = (41, 53) if machine == X86 else (198, 199)
    assert {decide_alone(*machine, socket, family) for family in range(50)} == {EAFNOSUPPORT}
    assert [kind for kind in range(1, 7) if decide_alone(*machine, pair, 1, kind) == ALLOW] == [1, 5]
    assert decide_alone(*machine, pair, 1, 1 | 0o2004000) == ALLOW  # closed on exec, not blocking
    assert decide_alone(*machine, pair, 2, 1) == EAFNOSUPPORT
    assert decide_alone(*machine, pair, 30, 1) == EAFNOSUPPORT  # tipc


@pytest.mark.parametrize("machine", [X86, ARM])
def test_without_namespaces_only_the_caller_itself_can_be_bounded_or_slowed(machine: tuple[str, int]) -> None:
    numbers = (
        {"prlimit": 302, "pin": 203, "schedule": 144}
        if machine == X86
        else {"prlimit": 261, "pin": 122, "schedule": 119}
    )
    for number in numbers.values():
        assert decide_alone(*machine, number, 0) == ALLOW
        assert decide_alone(*machine, number, 4711) == EPERM
    setpriority = 141 if machine == X86 else 140
    assert decide_alone(*machine, setpriority, 0, 0, 19) == ALLOW
    assert {decide_alone(*machine, setpriority, *who) for who in ((0, 4711), (1, 0), (2, 0))} == {EPERM}


@pytest.mark.parametrize("machine", [X86, ARM])
def test_without_namespaces_what_the_other_filter_refuses_is_refused_too(machine: tuple[str, int]) -> None:
    for number in range(500):
        if decide(*machine, number, 0, 0x5412) != ALLOW:
            assert decide_alone(*machine, number, 0, 0x5412) != ALLOW, number


@pytest.mark.parametrize(
    ("machine", "calls"), [(X86, [101, 310, 92, 132, 29, 240, 294, 42]), (ARM, [117, 270, 54, 55, 194, 180, 26, 203])]
)
def test_without_namespaces_what_reaches_others_or_names_is_refused(machine: tuple[str, int], calls: list[int]) -> None:
    assert {decide_alone(*machine, number) for number in (*calls, 438, 440, 443)} == {EPERM}


@pytest.mark.parametrize(
    ("machine", "ordinary"), [(X86, [0, 1, 2, 9, 57, 59, 202, 231, 62]), (ARM, [56, 63, 64, 93, 221, 222, 98, 129])]
)
def test_without_namespaces_ordinary_calls_pass_too(machine: tuple[str, int], ordinary: list[int]) -> None:
    assert {decide_alone(*machine, number) for number in ordinary} == {ALLOW}


@pytest.mark.parametrize(("machine", "ioctl"), [(X86, 16), (ARM, 29)])
def test_without_namespaces_files_are_asked_and_not_told(machine: tuple[str, int], ioctl: int) -> None:
    """A descriptor that may only read is enough to set a file's flags, or to make a subvolume."""
    assert decide_alone(*machine, ioctl, 3, 0x5401) == ALLOW
    assert {decide_alone(*machine, ioctl, 3, request) for request in (0x5412, 0x40086602, 0x401C5820, 0x5000940E)} == {
        0x50019
    }


@pytest.mark.parametrize(("machine", "calls"), [(X86, [90, 91, 268, 280]), (ARM, [52, 53, 88])])
def test_without_namespaces_the_supervisor_is_asked_for_modes_and_times(
    machine: tuple[str, int], calls: list[int]
) -> None:
    assert {decide_alone(*machine, number) for number in (*calls, 452)} == {ASK}
    assert {decide(*machine, number) for number in (*calls, 452)} == {ALLOW}
