"""Check that the codec gives back what it was given, and refuses what is cut short or damaged.

Exits 0, or 1 with the first thing that is wrong. Run: python -I tests/check.py
"""

import importlib.util
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODEC = os.path.join(ROOT, "src", "codec.py")


def main():
    isolated = load(os.path.join(ROOT, "bench", "isolated.py"), "lz_window_isolated")
    try:
        fault = check(isolated)
    except isolated.BrokenCodec as error:
        fault = str(error)
    if fault:
        sys.exit(f"check: {fault}")
    print("check: all cases passed")


def check(isolated):
    """The first fault found, in words, or None. Streams are read in an interpreter that never saw their content."""
    contents = round_trip_cases()
    streams, _ = isolated.ask(isolated.COMPRESS, CODEC, list(contents.values()))
    if None in streams:
        return f"compress refused: {list(contents)[streams.index(None)]}"
    sound = dict(zip(contents, streams, strict=True))
    cut, changed = cut_cases(sound["text"]), changed_cases(sound["text"])
    given, _ = isolated.ask(isolated.DECOMPRESS, CODEC, [*streams, *cut.values(), *changed.values()])
    answers = dict(zip([*contents, *cut, *changed], given, strict=True))
    for name, content in contents.items():
        if answers[name] != content:
            return f"not given back as it was: {name}"
    for name in cut:
        if answers[name] is not None:
            return f"not refused: {name}"
    for name in changed:
        if answers[name] not in (None, contents["text"]):
            return f"neither refused nor given back as it was: {name}"
    return None


def round_trip_cases():
    """Name to content: every kind that an LZ codec gets wrong at first."""
    text = __doc__.encode() + check.__doc__.encode()
    noise = noise_bytes(1200)
    cases = {
        "text": text,
        "nothing": b"",
        "every byte once": bytes(range(256)),
        "noise": noise,
        "one byte repeated": b"a" * 1500,
        "two bytes repeated": b"ab" * 700,
        "runs": b"".join(bytes([n]) * n for n in range(48)),
        "zeros, also first and last": bytes(3) + text[:40] + bytes(3),
        "repeat at a great distance": noise[:100] + bytes(33_000) + noise[:100],
        "repeat of itself": (text + noise[:50]) * 3,
    }
    cases.update({f"the first {length} bytes of a text": text[:length] for length in range(1, 41)})
    cases.update({f"{length} equal bytes": b"=" * length for length in range(1, 41)})
    return cases


def cut_cases(stream):
    """Name to a stream that must be refused: bytes are missing, or one is too many."""
    lengths = [*range(10), *range(10, len(stream) - 1, 23), len(stream) - 1]
    cases = {f"the first {length} bytes of a stream": stream[:length] for length in lengths}
    cases["a stream with a byte too many"] = stream + bytes(1)
    cases["noise instead of a stream"] = noise_bytes(300)
    return cases


def changed_cases(stream):
    """Name to a stream with one bit changed; near the end the rest still reads well, and only a check value can tell.

    The very last bits may carry nothing, so what is not refused must at least be given back as it was.
    """
    cases = {}
    for at in [*range(0, len(stream) - 12, 19), *range(len(stream) - 12, len(stream))]:
        flipped = bytes([stream[at] ^ 1 << at % 8])
        cases[f"a stream with a bit of byte {at} changed"] = stream[:at] + flipped + stream[at + 1 :]
    return cases


def noise_bytes(count):
    """The same on every machine: a linear congruential generator's high bytes."""
    state, out = 2463534242, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(state >> 24)
    return bytes(out)


def load(path, name):
    """Import one file by its absolute path; `-I` keeps the working folder out of the search for modules."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
