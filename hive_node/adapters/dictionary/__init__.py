"""This machine's own names and secrets, gathered for the scope guard: what no pattern can know.

Blocking: call it off the event loop, at start and when something changed. Nothing that is found here is logged, nor leaves the
process; names of files may be.

Left out, because ordinary text is full of it: names under four characters, names that many machines have (`root`, `ubuntu`,
`localhost`, public source hosts …; guardrails/scope/words.toml), robots that commit; values that are small numbers, flags,
placeholders, references to a secret kept elsewhere, or files that exist.

`keeping` keeps it as the machine is; a scan of files, which starts at every commit, goes without.
"""

from hive_node.adapters.dictionary.files import Looked
from hive_node.adapters.dictionary.names import collect_names
from hive_node.adapters.dictionary.secrets import collect_secrets

__all__ = ["Looked", "collect_names", "collect_secrets"]
