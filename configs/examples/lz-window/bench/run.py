"""Measure the codec on the first bytes of four modules of Python's own library.

Prints `METRIC compressed_bytes=…` and `METRIC cpu_seconds=…`, or fails with a message and no metric.
Run: python -I bench/run.py
"""

import importlib.util
import os
import sys

MODULES = ("textwrap", "difflib", "calendar", "configparser")
BYTES_EACH = 10_000
REPETITIONS = 2  # the least busy moment of several counts
SOURCE_LIMIT_BYTES = 12_288  # so that no codec carries the content within itself

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODEC = os.path.join(ROOT, "src", "codec.py")


def main():
    isolated = load(os.path.join(ROOT, "bench", "isolated.py"), "lz_window_isolated")
    try:
        compressed_bytes, cpu_seconds = measure(isolated, corpus())
    except (isolated.BrokenCodec, OSError) as error:
        sys.exit(f"bench: {error}")
    print(f"METRIC compressed_bytes={compressed_bytes}")
    print(f"METRIC cpu_seconds={cpu_seconds:.4f}")


def measure(isolated, content):
    """Bytes of the stream, and CPU seconds of the quickest process that made it; the stream has been read back."""
    if os.path.getsize(CODEC) > SOURCE_LIMIT_BYTES:
        raise isolated.BrokenCodec(f"src/codec.py is larger than {SOURCE_LIMIT_BYTES} bytes")
    runs = [isolated.ask(isolated.COMPRESS, CODEC, [content]) for _ in range(REPETITIONS)]
    stream = runs[0][0][0]
    if any(answers != [stream] for answers, _ in runs) or stream is None:
        raise isolated.BrokenCodec("compress refused the content, or gave two different streams for it")
    if isolated.ask(isolated.DECOMPRESS, CODEC, [stream])[0] != [content]:
        raise isolated.BrokenCodec("decompress(compress(content)) is not the content")
    return len(stream), min(seconds for _, seconds in runs)


def corpus():
    """The same bytes on every machine that has the same Python."""
    library = os.path.dirname(os.__file__)
    parts = []
    for name in MODULES:
        with open(os.path.join(library, name + ".py"), "rb") as file:
            parts.append(file.read(BYTES_EACH))
    return b"".join(parts)


def load(path, name):
    """Import one file by its absolute path; `-I` keeps the working folder out of the search for modules."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
