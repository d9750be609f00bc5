"""Where a trial's code runs: bounded, without network, seeing a short list of folders, and gone when it is over."""

from hive_node.adapters.sandbox.bubblewrap import BubblewrapSandbox

__all__ = ["BubblewrapSandbox"]
