"""The system calls a trial may not make, as a classic BPF program for seccomp. Pure.

Under bubblewrap the namespaces are the wall; this is what they do not cover: kernel keyrings and vsock belong to no namespace,
io_uring and bpf are where kernels break, and a namespace within the namespace would give back the capabilities that were dropped. Within
one trial nobody may reach into another process: an evaluator that runs the candidate beside itself would not stay its own.

Without namespaces it is half of the wall: it refuses what reaches another process, another's memory or the network, and what
changes a file by its name without opening it, since Landlock does not (landlock(7): chmod, chown, utime, setxattr and others).
"""

import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 2

_EPERM: Final = 1
_ENOSYS: Final = 38
_ENOTTY: Final = 25
_EOPNOTSUPP: Final = 95
_EAFNOSUPPORT: Final = 97

# linux/seccomp.h, linux/bpf_common.h; struct seccomp_data: number, architecture, instruction pointer, six arguments.
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_ASK: Final = 0x7FC00000  # the supervisor answers (seccomp_unotify(2))
_LOAD: Final = 0x20
_MASK: Final = 0x54
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
_UNIX: Final = (1,)
# Not datagrams: those can be sent to the name of a host's socket, and the name lies behind a pointer.
_SOCKET_TYPES: Final = (0xF, (1, 5))  # the part of the type that is not a flag; stream, seqpacket
# TCGETS TIOCGPGRP TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX, FICLONE FICLONERANGE, FS_IOC_GETFLAGS FS_IOC_FIEMAP: what programs
# ask of files. Not what sets a file's flags, or makes something in a folder, through a descriptor that may only read.
_REQUESTS: Final = (
    0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x40049409, 0x4020940D, 0x80086601, 0xC020660B,
)  # fmt: skip

_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Machine:
    """One architecture's numbers (asm/unistd.h).

    attributes: setxattr and its kin. of_oneself: prlimit64, sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr.
    asked: chmod, fchmod, fchmodat, fchmodat2, utimensat, which a build cannot do without: the launcher does them, where it may.
    """

    audit: int
    clone: int
    socket: int
    ioctl: int
    ioprio_set: int
    socketpair: int
    refused: tuple[int, ...]
    refused_without_namespaces: tuple[int, ...]
    attributes: tuple[int, ...]
    of_oneself: tuple[int, ...]
    asked: tuple[int, ...]
    setpriority: int
    has_x32: bool = False


_SINCE_5_1: Final = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
"""io_uring_setup, _enter, _register; open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr: same everywhere."""
_PIDFD_GETFD: Final = 438  # the same everywhere
_CLONE3: Final = 435
_REACHING_OUT: Final = (438, 440, 443, 448, 467, 469)
"""pidfd_getfd process_madvise quotactl_fd process_mrelease open_tree_attr file_setattr: same everywhere."""
_NEW_ATTRIBUTES: Final = (463, 466)  # setxattrat removexattrat

_MACHINES: Final = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        socket=41,
        ioctl=16,
        ioprio_set=251,
        socketpair=53,
        # syslog pivot_root mount umount2 quotactl add_key request_key keyctl unshare perf_event_open setns bpf userfaultfd
        # ptrace process_vm_readv process_vm_writev
        refused=(
            103, 155, 165, 166, 179, 248, 249, 250, 272, 298, 308, 321, 323, 101, 310, 311, _PIDFD_GETFD, *_SINCE_5_1,
        ),
        # shmget shmat shmctl semget semop semctl shmdt msgget msgsnd msgrcv msgctl, semtimedop, mq_open mq_unlink; connect bind listen;
        # chown fchown lchown, utime utimes, fchownat futimesat; ptrace; inotify_init fanotify_init
        # fanotify_mark inotify_init1; migrate_pages move_pages; open_by_handle_at; process_vm_readv process_vm_writev kcmp
        refused_without_namespaces=(
            29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220, 240, 241, 42, 49, 50, 92, 93, 94, 132, 235, 260, 261, 101, 253, 300, 301, 294, 256, 279, 304, 310, 311, 312, *_REACHING_OUT,
        ),
        attributes=(188, 189, 190, 197, 198, 199, *_NEW_ATTRIBUTES),
        of_oneself=(302, 142, 144, 203, 314),
        asked=(90, 91, 268, 452, 280),
        setpriority=141,
        has_x32=True,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        socket=198,
        ioctl=29,
        ioprio_set=30,
        socketpair=199,
        # umount2 mount pivot_root quotactl unshare syslog add_key request_key keyctl perf_event_open setns bpf userfaultfd
        # ptrace process_vm_readv process_vm_writev
        refused=(39, 40, 41, 60, 97, 116, 217, 218, 219, 241, 268, 280, 282, 117, 270, 271, _PIDFD_GETFD, *_SINCE_5_1),
        # mq_open mq_unlink; msgget msgctl msgrcv msgsnd semget semctl semtimedop semop shmget shmctl shmat shmdt; bind listen connect;
        # fchownat fchown; ptrace; inotify_init1 fanotify_init fanotify_mark; migrate_pages move_pages;
        # open_by_handle_at; process_vm_readv process_vm_writev kcmp
        refused_without_namespaces=(
            180, 181, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197, 200, 201, 203, 54, 55, 117, 26, 262, 263, 238, 239, 265, 270, 271, 272, *_REACHING_OUT,
        ),
        attributes=(5, 6, 7, 14, 15, 16, *_NEW_ATTRIBUTES),
        of_oneself=(261, 118, 119, 122, 274),
        asked=(52, 53, 452, 88),
        setpriority=140,
    ),
}  # fmt: skip


def program(machine: str) -> bytes | None:
    """The filter for this machine (`os.uname().machine`) beside namespaces; None where there is none."""
    return _packed(_instructions(numbers)) if (numbers := _MACHINES.get(machine)) else None


def program_without_namespaces(machine: str) -> bytes | None:
    """The filter beside Landlock alone: all of the other's, and what namespaces would keep out of reach."""
    return _packed(_without_namespaces(numbers)) if (numbers := _MACHINES.get(machine)) else None


def in_words(machine: str) -> str:
    """For the receipt."""
    return f"seccomp {machine} v{VERSION}" if machine in _MACHINES else f"not filtered on {machine}"


def _packed(code: list[_Instruction]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _instructions(machine: _Machine) -> list[_Instruction]:
    code = [*_refused_everywhere(machine)]
    code += _on(machine.socket, _only(0, _FAMILIES, _EAFNOSUPPORT))
    code += _on(machine.ioctl, _never(1, _TERMINAL_INJECTION))
    return [*code, _allow()]


def _without_namespaces(machine: _Machine) -> list[_Instruction]:
    code = [*_refused_everywhere(machine)]
    for number in machine.refused_without_namespaces:
        code += _on(number, [_refuse(_EPERM)])
    for number in machine.attributes:
        code += _on(number, [_refuse(_EOPNOTSUPP)])
    for number in machine.asked:
        code += _on(number, [(_RETURN, 0, 0, _ASK)])
    code += _on(machine.socket, [_refuse(_EAFNOSUPPORT)])
    code += _on(
        machine.socketpair, [*_unless(0, _UNIX, _EAFNOSUPPORT), *_only(1, _SOCKET_TYPES[1], _EPERM, _SOCKET_TYPES[0])]
    )
    code += _on(machine.ioctl, _only(1, _REQUESTS, _ENOTTY))
    for number in machine.of_oneself:
        code += _on(number, _only(0, (0,), _EPERM))
    code += _on(machine.setpriority, [*_unless(0, (0,), _EPERM), *_only(1, (0,), _EPERM)])
    return [*code, _allow()]


def _refused_everywhere(machine: _Machine) -> list[_Instruction]:
    code = [_load(_ARCHITECTURE), _if(_IF_EQUAL, machine.audit, 1, 0), _refuse(_ENOSYS), _load(_NUMBER)]
    if machine.has_x32:
        code += [_if(_IF_ABOVE_OR_EQUAL, _X32_BIT, 0, 1), _refuse(_ENOSYS)]
    # ioprio_set: a run is in the idle class, and could otherwise leave it.
    for number in (*machine.refused, machine.ioprio_set):
        code += _on(number, [_refuse(_EPERM)])
    # clone3 hides its flags behind a pointer; the C library then falls back to clone, whose flags can be read.
    code += _on(_CLONE3, [_refuse(_ENOSYS)])
    return code + _on(machine.clone, _refuse_flags(0, _NEW_NAMESPACE))


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


def _only(index: int, values: tuple[int, ...], errno: int, mask: int = 0xFFFFFFFF) -> list[_Instruction]:
    """Of the argument's bits in the mask."""
    return [*_unless(index, values, errno, mask), _allow()]


def _unless(index: int, values: tuple[int, ...], errno: int, mask: int = 0xFFFFFFFF) -> list[_Instruction]:
    """Refuse where the argument is none of these; else go on."""
    checks = [_if(_IF_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [_argument(index), (_MASK, 0, 0, mask), *checks, _refuse(errno)]


def _never(index: int, values: tuple[int, ...]) -> list[_Instruction]:
    checks = [_if(_IF_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [_argument(index), *checks, _allow(), _refuse(_EPERM)]
