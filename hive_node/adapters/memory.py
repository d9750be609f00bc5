"""Giving back what starting took. Compiling patterns and migrating need megabytes that an idle daemon never touches again."""

import ctypes
import gc


def settle() -> None:
    """Once everything is built, and when much was let go: collect, exempt what stays from collection, hand free pages back to
    the system.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # glibc keeps freed pages for itself; musl has no such call, and needs none.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
