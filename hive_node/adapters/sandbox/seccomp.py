"""The system calls a trial may not make, as a classic BPF program for seccomp. Pure.

The namespaces are the wall; this is what they do not cover: kernel keyrings and vsock belong to no namespace, io_uring and
bpf are where kernels break, and a namespace within the namespace would give back the capabilities that were dropped. Within one
trial nobody may reach into another process: an evaluator that runs the candidate beside itself would not stay its own.
"""

import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 2

_EPERM: Final = 1
_ENOSYS: Final = 38
_EAFNOSUPPORT: Final = 97

# linux/seccomp.h, linux/bpf_common.h; struct seccomp_data: number, architecture, instruction pointer, six arguments.
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_LOAD: Final = 0x20
_RETURN: Final = 0x06
_IF_EQUAL: Final = 0x15
_IF_ABOVE_OR_EQUAL: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16

_X32_BIT: Final = 0x40000000
_NEW_NAMESPACE: Final = 0x7E020000  # CLONE_NEW: NS, CGROUP, UTS, IPC, USER, PID, NET
_FAMILIES: Final = (1, 2, 10, 16)  # unix, inet, inet6, netlink: each lives in the trial's own namespaces
_TERMINAL_INJECTION: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Machine:
    """One architecture's numbers (asm/unistd.h)."""

    audit: int
    clone: int
    socket: int
    ioctl: int
    refused: tuple[int, ...]
    has_x32: bool = False


_SINCE_5_1: Final = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
"""io_uring_setup, _enter, _register; open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr: same everywhere."""
_PIDFD_GETFD: Final = 438  # the same everywhere
_CLONE3: Final = 435

_MACHINES: Final = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        socket=41,
        ioctl=16,
        # syslog pivot_root mount umount2 quotactl add_key request_key keyctl unshare perf_event_open setns bpf userfaultfd
        # ptrace process_vm_readv process_vm_writev
        refused=(
            103,
            155,
            165,
            166,
            179,
            248,
            249,
            250,
            272,
            298,
            308,
            321,
            323,
            101,
            310,
            311,
            _PIDFD_GETFD,
            *_SINCE_5_1,
        ),
        has_x32=True,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        socket=198,
        ioctl=29,
        # umount2 mount pivot_root quotactl unshare syslog add_key request_key keyctl perf_event_open setns bpf userfaultfd
        # ptrace process_vm_readv process_vm_writev
        refused=(39, 40, 41, 60, 97, 116, 217, 218, 219, 241, 268, 280, 282, 117, 270, 271, _PIDFD_GETFD, *_SINCE_5_1),
    ),
}


def program(machine: str) -> bytes | None:
    """The filter for this machine (`os.uname().machine`), as bubblewrap's --seccomp reads it; None where there is none."""
    if (numbers := _MACHINES.get(machine)) is None:
        return None
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(numbers))


def _instructions(machine: _Machine) -> list[_Instruction]:
    code = [_load(_ARCHITECTURE), _if(_IF_EQUAL, machine.audit, 1, 0), _refuse(_ENOSYS), _load(_NUMBER)]
    if machine.has_x32:
        code += [_if(_IF_ABOVE_OR_EQUAL, _X32_BIT, 0, 1), _refuse(_ENOSYS)]
    for number in machine.refused:
        code += _on(number, [_refuse(_EPERM)])
    # clone3 hides its flags behind a pointer; the C library then falls back to clone, whose flags can be read.
    code += _on(_CLONE3, [_refuse(_ENOSYS)])
    code += _on(machine.clone, _refuse_flags(0, _NEW_NAMESPACE))
    code += _on(machine.socket, _only(0, _FAMILIES, _EAFNOSUPPORT))
    code += _on(machine.ioctl, _never(1, _TERMINAL_INJECTION))
    return [*code, _allow()]


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)


def _if(test: int, value: int, when_true: int, when_false: int) -> _Instruction:
    return (test, when_true, when_false, value)


def _refuse(errno: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | errno)


def _allow() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _on(number: int, body: list[_Instruction]) -> list[_Instruction]:
    """The body, which returns, for this call alone."""
    return [_if(_IF_EQUAL, number, 0, len(body)), *body]


def _argument(index: int) -> _Instruction:
    """The low half of an argument: what the kernel itself looks at for flags, families and requests."""
    return _load(_ARGUMENTS + 8 * index)


def _refuse_flags(index: int, flags: int) -> list[_Instruction]:
    return [_argument(index), _if(_IF_ANY_BIT, flags, 0, 1), _refuse(_EPERM), _allow()]


def _only(index: int, values: tuple[int, ...], errno: int) -> list[_Instruction]:
    checks = [_if(_IF_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [_argument(index), *checks, _refuse(errno), _allow()]


def _never(index: int, values: tuple[int, ...]) -> list[_Instruction]:
    checks = [_if(_IF_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [_argument(index), *checks, _allow(), _refuse(_EPERM)]
