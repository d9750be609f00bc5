"""Where a trial's code runs: bounded, without network, seeing a short list of folders, and gone when it is over."""

from hive_node.adapters.sandbox.bubblewrap import BubblewrapSandbox
from hive_node.adapters.sandbox.ladder import Ladder, build
from hive_node.adapters.sandbox.landlock import LandlockSandbox

__all__ = ["BubblewrapSandbox", "Ladder", "LandlockSandbox", "build"]
