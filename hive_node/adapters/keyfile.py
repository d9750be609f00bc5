"""Key and token files: made once, private from the first byte, and never silently replaced (docs/protocol.md §1)."""

import base64
import os
import re
import stat
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hive_node.adapters.whole_files import sync_folder
from hive_node.ports import Fault
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId, node_id

# A PKCS#8 Ed25519 key is 119 bytes of PEM; whatever is larger than this is another file.
MAX_BYTES: Final = 4096
TOKEN_BYTES: Final = 32
_OTHERS: Final = 0o077
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
# A link would read or make the file where somebody else pointed; a pipe in its place would hang the start.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyFileCode(StrEnum):
    """Why a secret file was refused. Stable."""

    MISSING = "keyfile.missing"
    EXISTS = "keyfile.exists"
    UNREADABLE = "keyfile.unreadable"
    UNWRITABLE = "keyfile.unwritable"
    EXPOSED = "keyfile.exposed"
    FOREIGN = "keyfile.foreign-owner"
    NOT_A_FILE = "keyfile.not-a-file"
    MALFORMED = "keyfile.malformed"


class KeyFileError(Fault):
    """A secret file that this node does not use. str() names the path, what is wrong and the remedy; never the content."""

    def __init__(self, code: KeyFileCode, path: Path, problem: str, remedy: str) -> None:
        super().__init__(code, f"{path}: {problem}; {remedy}")
        self.path = path


class TokenChance(Protocol):
    """Where the bytes of a new token come from."""

    def token_bytes(self, count: int) -> bytes: ...


class NodeKey:
    """An Ed25519 key that signs as its node. Satisfies protocol.signing.Signer; neither str() nor repr() show the key."""

    __slots__ = ("_node_id", "_private")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._node_id = node_id(private.public_key().public_bytes_raw())

    @property
    def node_id(self) -> NodeId:
        """The id of the key."""
        return self._node_id

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The key itself, for the TLS adapter alone."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"NodeKey({self._node_id})"


def create_key(path: Path) -> NodeKey:
    """A new key, stored at `path` (PEM, PKCS#8, 0600) before it is returned. Raises KeyFileError; replaces nothing."""
    private = Ed25519PrivateKey.generate()
    _make(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return NodeKey(private)


def load_key(path: Path) -> NodeKey:
    """The key at `path`. Raises KeyFileError, and never makes another: a node that lost its key is not this node."""
    remedy = "restore the file from a backup; without it this node's identity is gone and it must join anew"
    raw = _read(path, remedy)
    try:
        private = load_pem_private_key(raw, password=None)
        if isinstance(private, Ed25519PrivateKey):
            return NodeKey(private)
    except (ValueError, TypeError, RemoteProtocolError):
        # `from None`: the parser's own message may quote what it read.
        raise KeyFileError(KeyFileCode.MALFORMED, path, "not an unencrypted private key in PEM", remedy) from None
    raise KeyFileError(KeyFileCode.MALFORMED, path, "not an Ed25519 key", remedy)


def create_token(path: Path, chance: TokenChance) -> str:
    """A new token of 32 random bytes in URL-safe base64, stored at `path` (0600). Raises KeyFileError."""
    token = base64.urlsafe_b64encode(chance.token_bytes(TOKEN_BYTES)).decode("ascii").rstrip("=")
    _make(path, token.encode("ascii") + b"\n")
    return token


def load_token(path: Path) -> str:
    """The token at `path`. Raises KeyFileError, and never makes another."""
    remedy = "`hive-node api token --renew` makes a new one"
    text = _read(path, remedy).decode("latin-1").strip()
    if not _TOKEN.fullmatch(text):
        raise KeyFileError(KeyFileCode.MALFORMED, path, "not 32 bytes in URL-safe base64", remedy)
    return text


def _make(path: Path, content: bytes) -> None:
    try:
        # 0600 is the file's mode when it comes to be; a later chmod would leave a moment in which others could open it.
        descriptor = os.open(path, _MAKE, 0o600)
    except FileExistsError:
        remedy = "a secret is never replaced: move the file away if it is really not wanted"
        raise KeyFileError(KeyFileCode.EXISTS, path, "exists already", remedy) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        _fill(descriptor, content)
        sync_folder(path.parent)
    except OSError as error:
        # Half a key would be refused at every later start; it is ours, nobody has used it.
        with suppress(OSError):
            path.unlink()
        raise _unwritable(path, error) from error


def _fill(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        # The umask can only have taken bits away, the owner's own too.
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _unwritable(path: Path, error: OSError) -> KeyFileError:
    return KeyFileError(
        KeyFileCode.UNWRITABLE,
        path,
        f"cannot be written: {error.strerror}",
        f"make {path.parent} writable for this user",
    )


def _read(path: Path, remedy: str) -> bytes:
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        raise KeyFileError(KeyFileCode.MISSING, path, "does not exist", remedy) from None
    except OSError as error:
        if path.is_symlink():
            raise _not_a_file(path) from None
        raise KeyFileError(KeyFileCode.UNREADABLE, path, f"cannot be read: {error.strerror}", _own(path)) from error
    try:
        # What was opened is judged, not what the path names by then.
        _check(path, os.fstat(descriptor))
        return os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _not_a_file(path)
    if found.st_uid != os.geteuid():
        raise KeyFileError(KeyFileCode.FOREIGN, path, f"belongs to user {found.st_uid}", _own(path))
    if found.st_mode & _OTHERS:
        problem = f"open to other users (mode {stat.S_IMODE(found.st_mode):04o})"
        remedy = f"run `chmod 600 {path}`, and count the secret as known to everyone on this machine"
        raise KeyFileError(KeyFileCode.EXPOSED, path, problem, remedy)
    if found.st_size > MAX_BYTES:
        raise KeyFileError(
            KeyFileCode.MALFORMED, path, f"larger than {MAX_BYTES} bytes", "put the right file in its place"
        )


def _not_a_file(path: Path) -> KeyFileError:
    return KeyFileError(
        KeyFileCode.NOT_A_FILE, path, "not a regular file", "put the file itself there, not a link to it"
    )


def _own(path: Path) -> str:
    return f"run `chown $(id -un) {path} && chmod 600 {path}` as its owner, or start the node as the user who owns it"
