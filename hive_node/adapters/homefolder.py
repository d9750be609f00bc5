"""Making a home folder: key, token, settings. Nothing of it is ever made twice. And holding it: one process at a time changes it."""

import fcntl
import os

from hive_node.adapters.clock import SystemChance
from hive_node.adapters.keyfile import KeyFileError, NodeKey, create_key, create_token
from hive_node.config.home import Home
from hive_node.config.node import node_config_template
from hive_node.ports import FatalError


def create_home(home: Home, *, name: str, owner: str, listen: str, peer_port: int, api_port: int, mdns: str) -> NodeKey:
    """Make a node: folder, key, token, settings. Raises FatalError where one is there already; it is left as it is."""
    if home.key.exists() or home.config.exists() or home.restoring.exists():
        raise FatalError(
            "home.exists", f"{home.root} holds a node already: `hive-node run` starts it, another --home makes another"
        )
    try:
        home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.root.chmod(0o700)
        key = create_key(home.key)
        create_token(home.token, SystemChance())
        text = node_config_template(
            name=name, owner=owner, listen=listen, peer_port=peer_port, api_port=api_port, mdns=mdns
        )
        home.config.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FatalError("home.unwritable", f"{home.root}: {error.strerror}") from error
    except KeyFileError as error:
        raise FatalError(error.code, str(error)) from error
    return key


def hold_home(home: Home) -> int:
    """The home for this process alone, until the descriptor that this returns is closed. Raises FatalError where another has it."""
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FatalError("home.unwritable", f"{home.root}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise FatalError(
            "home.running", f"another hive-node runs in {home.root}: stop it first, or use another --home"
        ) from error
    return descriptor
