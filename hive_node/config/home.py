"""The home folder of a node: where each thing lies."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = "HIVE_NODE_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one folder. Every node has its own."""

    root: Path

    @classmethod
    def choose(cls, given: Path | None) -> "Home":
        """`--home`, else HIVE_NODE_HOME, else the platform's data folder."""
        if given is not None:
            return cls(given.expanduser().absolute())
        named = os.environ.get(ENVIRONMENT)
        if named:
            return cls(Path(named).expanduser().absolute())
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("hive-node")))

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def key(self) -> Path:
        return self.root / "node.key"

    @property
    def token(self) -> Path:
        return self.root / "admin.token"

    @property
    def socket(self) -> Path:
        return self.root / "admin.sock"

    @property
    def database(self) -> Path:
        return self.root / "hive.db"

    @property
    def worktrees(self) -> Path:
        return self.root / "worktrees"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def kept(self) -> Path:
        """What users had changed in our parts of their agents' files, before those went; under `specs`, each hive.toml before advice changed it."""
        return self.root / "kept"

    @property
    def lock(self) -> Path:
        """Held by the running node: two daemons on one home would sign one number twice."""
        return self.root / "node.lock"

    @property
    def restoring(self) -> Path:
        """A backup that is being put in place; there only while that is not over, or was cut off: the next start finishes it."""
        return self.root / ".restoring"


def pattern_cache() -> Path:
    """The scope guard's compiled patterns, for every node of this user; made again whenever it is missing."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("hive-node")) / "scope-patterns"
