"""The supervisor of one run on the second rung: a program of its own, trusted, which imports nothing of the node.

It shuts itself into a Landlock domain that no signal leaves, and forks the first process of the run, which shuts itself into one
inside that and becomes the command. So a signal of the run reaches neither the supervisor nor the host, and one system call of the
supervisor reaches all of the run at the same instant, whatever forks, however often it called setsid: kill(-1). As subreaper it then
waits for each of them. It speaks as `process` expects, and ends all when its standard input is closed: the node is gone.

Its start is part of each run, so it imports little.
"""

import _signal as signal  # type: ignore[import-not-found] # what `signal` wraps: without its enums, which take 8 ms to make
import ctypes
import errno
import marshal
import os
import resource
import select

MYPY = False
if MYPY:  # for the type checker alone: to import `typing` takes longer than all the rest
    from typing import Any, NoReturn

_IS_X86 = os.uname().machine == "x86_64"
_CALLS = {"create_ruleset": 444, "restrict_self": 446, "take_descriptor": 438, "seccomp": 317 if _IS_X86 else 277}
_SET_FILTER = 1
_NEW_LISTENER = 8
_SCOPED = 3  # abstract sockets, signals

# Of prctl and capset, as their manual pages name them.
_PDEATHSIG = 1
_BOUNDING_DROP = 24
_SECUREBITS = 28
_SUBREAPER = 36
_NO_NEW_PRIVS = 38
_AMBIENT = 47
_AMBIENT_CLEAR = 4
_NO_ROOT = 0xEF  # being root gives nothing, and that is locked
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64

# seccomp_unotify(2): struct seccomp_notif, and what is asked of the listener.
_NOTICE_BYTES = 80
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_HERE = -100  # AT_FDCWD
_NO_FOLLOW = 0x100
_PATH_BYTES = 4096
# What is asked, and which argument is the folder, the name, the mode or times, the flags.
_ASKED = (
    {
        90: ("mode", None, 0, 1, None),
        91: ("mode", 0, None, 1, None),
        268: ("mode", 0, 1, 2, None),
        452: ("mode", 0, 1, 2, 3),
        280: ("times", 0, 1, 2, 3),
    }
    if _IS_X86
    else {
        52: ("mode", 0, None, 1, None),
        53: ("mode", 0, 1, 2, None),
        452: ("mode", 0, 1, 2, 3),
        88: ("times", 0, 1, 2, 3),
    }
)

_NOT_RUN = 126  # as a shell says: found, and cannot be run
_NOT_FOUND = 127

_libc = ctypes.CDLL(None, use_errno=True)


def main(request_end: int, status: int, node: int) -> int:
    """Run the request to its end, and tell what became of it."""
    request = marshal.loads(os.read(request_end, 1 << 24))  # noqa: S302 - the node wrote it, to nobody else
    for descriptor in (request_end, status, request["ruleset"]):
        os.set_inheritable(descriptor, False)
    _prctl(_SUBREAPER, 1)
    _shut_in(node)
    waking, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    said, saying = os.pipe()
    heard, hearing = os.pipe()
    supervisor = os.getpid()
    first = os.fork()
    if first == 0:
        for end in (said, hearing):
            os.close(end)
        _become(request, supervisor, saying, heard)
    for end in (saying, heard):
        os.close(end)
    try:
        os.write(status, b'{"child-pid": %d}\n' % first)
        desk = Desk(_take_listener(first, said), request["writable"])
        os.close(hearing)
        code = _watch(first, waking, desk)
    finally:
        _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    exited = b"" if code is None else b'"exit-code": %d, ' % code
    os.write(status, b'{%s"cpu-us": %d}\n' % (exited, (used.ru_utime + used.ru_stime) * 1e6))
    return 0


def _shut_in(node: int) -> None:
    """A domain for signals alone. That it holds is tried: else `kill(-1)` would reach all that this user runs."""
    _prctl(_NO_NEW_PRIVS, 1)
    attributes = (ctypes.c_uint64 * 3)(0, 0, _SCOPED)
    ruleset = _call("create_ruleset", attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    _call("restrict_self", ruleset, 0)
    os.close(ruleset)
    for outside in {node, os.getppid(), 1}:
        if outside < 1 or _can_signal(outside):
            raise OSError(f"signals to process {outside} are not kept in")


def _can_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    return True


def _take_listener(first: int, said: int) -> int:
    """The first process cannot hand it over, shut in as it is; its supervisor may take it."""
    number = int.from_bytes(os.read(said, 4), "little")
    if number == 0:
        return -1  # it ended before it was shut in, and said why
    opened = os.pidfd_open(first)
    try:
        return _call("take_descriptor", opened, number, 0)
    finally:
        os.close(opened)


def _watch(first: int, waking: int, desk: "Desk") -> int | None:
    """Reap until the first process is over; its exit code as a shell says it, None where the node is gone."""
    waiting = select.poll()
    waiting.register(waking, select.POLLIN)
    waiting.register(0, 0)  # tells only that the other end is closed
    if desk.listener >= 0:
        waiting.register(desk.listener, select.POLLIN)
    while True:
        ready = dict(waiting.poll())
        if 0 in ready:
            return None
        if waking in ready:
            os.read(waking, 4096)
        if ready.get(desk.listener, 0) & select.POLLIN:
            desk.answer()
        elif desk.listener in ready:  # nobody is left who could ask
            waiting.unregister(desk.listener)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == first:
                code = os.waitstatus_to_exitcode(ended[1])
                return code if code >= 0 else 128 - code


class Desk:
    """Changes modes and times for the run, which may not do it itself: the filter cannot see which file is meant, the desk can.

    It opens what is named as the one who asks would, looks where that really lies, and acts on what it has opened: a name that changes
    meanwhile changes nothing. writable: paths below which the run may write all.
    """

    def __init__(self, listener: int, writable: "list[str]") -> None:
        self.listener = listener
        self._writable = writable

    def answer(self) -> None:
        """One request."""
        notice = ctypes.create_string_buffer(_NOTICE_BYTES)
        if _libc.ioctl(self.listener, ctypes.c_ulong(_RECEIVE), notice) != 0:
            return  # who asked is gone
        words = memoryview(notice.raw)
        asked, pid, number = words[:8], int.from_bytes(words[8:12], "little"), int.from_bytes(words[16:20], "little")
        arguments = [int.from_bytes(words[at : at + 8], "little") for at in range(32, 80, 8)]
        try:
            refusal = self._act(bytes(asked), pid, number, arguments)
        except OSError as error:
            refusal = error.errno or errno.EPERM
        except (ValueError, OverflowError):  # an address or a name that none can be
            refusal = errno.EFAULT
        reply = ctypes.create_string_buffer(
            bytes(asked) + bytes(8) + (-refusal).to_bytes(4, "little", signed=True) + bytes(4), 24
        )
        _libc.ioctl(self.listener, ctypes.c_ulong(_SEND), reply)

    def _act(self, asked: bytes, pid: int, number: int, arguments: "list[int]") -> int:
        kind, *places = _ASKED[number]
        folder, name, value, flags = (0 if at is None else arguments[at] for at in places)
        if places[0] is None:
            folder = _HERE
        times = _read_memory(pid, value, 32) if kind == "times" and value else None
        path = None if places[1] is None or not name else _read_memory(pid, name, _PATH_BYTES).partition(b"\0")[0]
        target = _open_as(pid, ctypes.c_int32(folder).value, path, is_link=bool(flags & _NO_FOLLOW))
        try:
            # Valid still: so it was the one who asked whose memory and folders were looked at.
            if _libc.ioctl(self.listener, ctypes.c_ulong(_IS_VALID), ctypes.create_string_buffer(asked, 8)) != 0:
                return errno.ESRCH
            itself = f"/proc/self/fd/{target}"
            if not self._may_write(os.readlink(itself)):
                return errno.EPERM
            if kind == "mode":
                return _change_mode(itself, value)
            held = ctypes.create_string_buffer(times, 32) if times else None
            return 0 if _libc.utimensat(_HERE, itself.encode(), held, 0) == 0 else ctypes.get_errno()
        finally:
            os.close(target)

    def _may_write(self, path: str) -> bool:
        return any(path == root or path.startswith(f"{root}/") for root in self._writable)


def _change_mode(path: str, mode: int) -> int:
    if mode & 0o6000:  # a program that runs as who made it
        return errno.EPERM
    os.chmod(path, mode & 0o1777)
    return 0


def _open_as(pid: int, folder: int, path: "bytes | None", *, is_link: bool) -> int:
    """What the process means: a descriptor of its own, or a name seen from its working folder or such a descriptor."""
    start = f"/proc/{pid}/cwd" if folder == _HERE else f"/proc/{pid}/fd/{folder}"
    if not path:
        return os.open(start, os.O_PATH)
    base = os.open(start, os.O_PATH)
    try:
        return os.open(path, os.O_PATH | (os.O_NOFOLLOW if is_link else 0), dir_fd=base)
    finally:
        os.close(base)


def _read_memory(pid: int, address: int, most_bytes: int) -> bytes:
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        return os.pread(memory, most_bytes, address)
    finally:
        os.close(memory)


def _end_all() -> None:
    """Kill and reap, until there is nobody left."""
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nobody to kill; whoever is dead already is to be reaped
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _become(request: "dict[str, Any]", supervisor: int, saying: int, heard: int) -> "NoReturn":
    """The first process: give up everything, say so, wait, and become the command."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.umask(0o022)
        _prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(_NOT_RUN)
        os.chdir(request["workdir"])
        _drop_capabilities()
        _call("restrict_self", request["ruleset"], 0)
        listener = _filter(request["filter"])
        os.write(saying, listener.to_bytes(4, "little"))
        os.read(heard, 1)  # ends when the supervisor has it
        os.write(1, b"\n")
        if not os.read(0, 1):
            os._exit(_NOT_RUN)
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    except BaseException as error:  # noqa: BLE001 - a forked child has nowhere else to tell it, and must not go on
        os.write(2, f"the run could not be shut in: {error}\n".encode())
        os._exit(_NOT_RUN)
    _execute(request["argv"], request["environment"])


def _execute(argv: list[str], environment: dict[str, str]) -> "NoReturn":
    try:
        try:
            os.execve(argv[0], argv, environment)  # noqa: S606 - argument vectors, never a shell string
        except OSError as error:
            if error.errno != errno.ENOEXEC:  # a script that names no interpreter is the shell's, as everywhere
                raise
            os.execve("/bin/sh", ["sh", *argv], environment)  # noqa: S606
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN)


def _drop_capabilities() -> None:
    """All, for ever: root without any is a user who owns root's files."""
    if os.geteuid() == 0:
        for number in range(_MOST_CAPABILITIES):
            if _libc.prctl(_BOUNDING_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() != errno.EINVAL:
                raise OSError("a capability could not be dropped")
        _prctl(_AMBIENT, _AMBIENT_CLEAR)
        _prctl(_SECUREBITS, _NO_ROOT)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError("capabilities could not be dropped")


def _filter(code: bytes) -> int:
    """Returns the descriptor on which is told what the filter wants to be asked; it is closed by exec."""
    program = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    held = Program(len(code) // 8, ctypes.addressof(program))
    return _call("seccomp", _SET_FILTER, _NEW_LISTENER, ctypes.byref(held))


def _prctl(option: int, value: int) -> None:
    words = [ctypes.c_ulong(word) for word in (value, 0, 0, 0)]
    if _libc.prctl(option, *words) != 0:
        raise OSError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _call(name: str, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(_CALLS[name]), *arguments))
    if result < 0:
        raise OSError(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result
