"""Run the codec in an interpreter of its own, and pass nothing but bytes.

The check and the benchmark load this file; it also is the program of the inner interpreter, which is why it imports
little at the top. What is judged never runs in the process that judges it, so it cannot touch the counting, and
`decompress` never shares memory with a `compress` that saw the content.
"""

import sys

COMPRESS = "compress"
DECOMPRESS = "decompress"

_ACCEPTED = b"\0"
_REFUSED = b"\1"
_TIMEOUT_S = 50


class BrokenCodec(Exception):
    """The codec did not give one well-formed answer to each question."""


def ask(verb, codec, blobs):
    """Call `verb` of the file `codec` with each blob, in one fresh interpreter.

    Returns a list of answers in the same order, `None` where the codec raised ValueError, and the CPU seconds of the
    whole inner process, as the operating system counted them. Raises BrokenCodec.
    """
    import os
    import resource
    import subprocess

    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), verb, codec]
    questions = b"".join(_frame(blob) for blob in blobs)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(command, input=questions, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BrokenCodec(f"{verb} took longer than {_TIMEOUT_S} seconds") from error
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise BrokenCodec(f"{verb} failed: {_last_line(done.stderr)}")
    answers = [_answer(frame) for frame in _frames(done.stdout)]
    if len(answers) != len(blobs):
        raise BrokenCodec(f"{verb} gave {len(answers)} answers to {len(blobs)} questions")
    return answers, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _frame(blob):
    return len(blob).to_bytes(4, "big") + blob


def _frames(data):
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if len(data) < at + 4 + size:
            raise BrokenCodec("the answers are cut short or mixed with other output")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def _answer(frame):
    if frame == _REFUSED:
        return None
    if frame[:1] != _ACCEPTED:
        raise BrokenCodec("the answers are mixed with other output")
    return frame[1:]


def _last_line(stderr):
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return ascii(lines[-1][:200]) if lines else "no message"


def _serve(verb, path):
    """The inner interpreter: read all questions, load the codec, answer in order."""
    blobs = list(_frames(sys.stdin.buffer.read()))
    function = getattr(_load(path), verb)
    sys.stdout.buffer.write(b"".join(_frame(_call(function, blob)) for blob in blobs))


def _load(path):
    """Execute the codec's source, never a cached .pyc: those are told apart by size and whole seconds only."""
    from types import ModuleType

    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    module = ModuleType("measured_codec")
    _seal(code)
    exec(code, module.__dict__)
    return module


def _seal(code):
    """From here on nothing but bytes in memory: no file, process, socket or further import.

    Otherwise a codec could keep the content in a file, or read it where the benchmark read it. Python raises an audit
    event before such an act, and a hook cannot be removed; the few acts without an event are left to the sandbox around
    the whole step. Some modules that a codec may well use are loaded before.
    """
    import __future__, array, bisect, collections, heapq, itertools, struct  # noqa: E401, F401

    def refuse(event, arguments):
        is_this_codec = event == "exec" and arguments[0] is code
        if not is_this_codec and event not in ("array.__new__", "builtins.id"):
            raise PermissionError(f"a codec works on bytes in memory only; refused: {event} {arguments!r:.80}")

    sys.addaudithook(refuse)


def _call(function, blob):
    try:
        result = function(blob)
    except ValueError:
        return _REFUSED
    if type(result) is not bytes:  # a subclass may lie about its length
        raise TypeError(f"{function.__name__} must return bytes, not {type(result).__name__}")
    return _ACCEPTED + result


if __name__ == "__main__":
    _serve(*sys.argv[1:])
