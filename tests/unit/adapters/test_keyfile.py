import base64
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from hive_node.adapters.keyfile import (
    KeyFileCode,
    KeyFileError,
    NodeKey,
    create_key,
    create_token,
    load_key,
    load_token,
)
from protocol.ids import public_key
from protocol.signing import Signer


class FixedChance:
    """Bytes that a test knows beforehand."""

    def token_bytes(self, count: int) -> bytes:
        return bytes(range(count))


SECRETS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "key": (create_key, load_key),
    "token": (lambda path: create_token(path, FixedChance()), load_token),
}
both = pytest.mark.parametrize(("create", "load"), SECRETS.values(), ids=SECRETS)
Act = Callable[[Path], object]


def refusal(act: Act, path: Path) -> KeyFileError:
    with pytest.raises(KeyFileError) as caught:
        act(path)
    assert str(path) in str(caught.value), "a person must see which file is meant"
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.key"


# --- hostile ----------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_a_secret_that_others_can_touch_is_refused(create: Act, load: Act, path: Path, mode: int) -> None:
    create(path)
    path.chmod(mode)
    error = refusal(load, path)
    assert error.code is KeyFileCode.EXPOSED
    assert f"chmod 600 {path}" in str(error)


@both
def test_a_secret_of_another_user_is_refused(
    create: Act, load: Act, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(path)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert refusal(load, path).code is KeyFileCode.FOREIGN


@both
def test_a_link_to_a_good_secret_is_refused(create: Act, load: Act, path: Path, tmp_path: Path) -> None:
    create(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert refusal(load, path).code is KeyFileCode.NOT_A_FILE


@both
def test_making_a_secret_follows_no_dangling_link(create: Act, load: Act, path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    assert refusal(create, path).code is KeyFileCode.EXISTS
    assert not (tmp_path / "elsewhere").exists()


@both
def test_a_pipe_in_place_of_a_secret_does_not_hang_the_start(create: Act, load: Act, path: Path) -> None:
    os.mkfifo(path, 0o600)
    assert refusal(load, path).code is KeyFileCode.NOT_A_FILE


@both
def test_a_folder_in_place_of_a_secret_is_refused(create: Act, load: Act, path: Path) -> None:
    path.mkdir(mode=0o700)
    assert refusal(load, path).code is KeyFileCode.NOT_A_FILE


@both
def test_a_huge_file_is_refused(create: Act, load: Act, path: Path) -> None:
    path.touch(mode=0o600)
    os.truncate(path, 2**40)
    assert refusal(load, path).code is KeyFileCode.MALFORMED


@both
@pytest.mark.parametrize("content", [b"", b"\x00" * 200, b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_secret_is_refused_and_left_as_it_is(create: Act, load: Act, path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
    assert refusal(load, path).code is KeyFileCode.MALFORMED
    assert path.read_bytes() == content


@both
def test_a_missing_secret_is_never_made_by_loading_it(create: Act, load: Act, path: Path) -> None:
    assert refusal(load, path).code is KeyFileCode.MISSING
    assert not path.exists()


@both
def test_an_existing_secret_is_never_replaced(create: Act, load: Act, path: Path) -> None:
    path.write_bytes(b"precious, and unreadable by this node")
    assert refusal(create, path).code is KeyFileCode.EXISTS
    assert path.read_bytes() == b"precious, and unreadable by this node"


@both
def test_an_unreadable_secret_is_reported_not_replaced(
    create: Act, load: Act, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(path)

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        assert refusal(load, path).code is KeyFileCode.UNREADABLE
    load(path)


@both
def test_a_full_disk_leaves_no_half_secret_behind(
    create: Act, load: Act, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert refusal(create, path).code is KeyFileCode.UNWRITABLE
    assert not path.exists()
    create(path)
    load(path)


@both
def test_a_missing_folder_is_reported(create: Act, load: Act, tmp_path: Path) -> None:
    assert refusal(create, tmp_path / "no" / "where").code is KeyFileCode.UNWRITABLE


def test_a_key_of_another_kind_is_refused(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert refusal(load_key, path).code is KeyFileCode.MALFORMED


def test_an_encrypted_key_is_refused(path: Path) -> None:
    path.touch(mode=0o600)
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    assert refusal(load_key, path).code is KeyFileCode.MALFORMED


@pytest.mark.parametrize("token", ["short", "A" * 42, "A" * 44, "A" * 42 + "/", "A" * 20 + "\n" + "A" * 22])
def test_a_token_that_is_not_one_is_refused(path: Path, token: str) -> None:
    path.touch(mode=0o600)
    path.write_text(token)
    error = refusal(load_token, path)
    assert error.code is KeyFileCode.MALFORMED
    assert token not in str(error)


# --- as it should go --------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_secret_is_private_whatever_the_umask(create: Act, load: Act, path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        create(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@both
def test_a_secret_is_private_before_its_first_byte(
    create: Act, load: Act, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fchmod must have nothing to take away: whoever opened the file before it would keep it open."""
    modes: list[int] = []
    fchmod = os.fchmod

    def watched(descriptor: int, mode: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fchmod(descriptor, mode)

    before = os.umask(0)
    try:
        monkeypatch.setattr(os, "fchmod", watched)
        create(path)
    finally:
        os.umask(before)
    assert modes == [0o600]


@both
def test_a_secret_and_its_folder_reach_the_disk_before_it_is_used(
    create: Act, load: Act, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    create(path)
    assert synced == [str(path), str(path.parent)]


def test_a_stored_key_is_the_same_node_after_a_restart(path: Path) -> None:
    made, loaded = create_key(path), load_key(path)
    assert made.node_id == loaded.node_id
    assert made.sign(b"message") == loaded.sign(b"message")
    public_key(loaded.node_id).verify(loaded.sign(b"message"), b"message")


def test_a_node_key_is_a_signer(path: Path) -> None:
    signer: Signer = create_key(path)
    assert len(signer.sign(b"")) == 64


def test_two_keys_are_two_nodes(tmp_path: Path) -> None:
    assert create_key(tmp_path / "one").node_id != create_key(tmp_path / "two").node_id


def test_a_key_is_not_shown_by_printing_or_pickling_it(path: Path) -> None:
    key = create_key(path)
    seed = key.private_key.private_bytes_raw()
    for shown in (repr(key), str(key), f"{[key]}"):
        assert key.node_id in shown
        assert base64.b64encode(seed).decode()[:20] not in shown
        assert seed.hex()[:20] not in shown
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        __import__("pickle").dumps(key)


def test_the_file_holds_the_key_in_pem(path: Path) -> None:
    key = create_key(path)
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert NodeKey(Ed25519PrivateKey.from_private_bytes(key.private_key.private_bytes_raw())).node_id == key.node_id


def test_a_token_is_the_bytes_that_chance_gave(path: Path) -> None:
    token = create_token(path, FixedChance())
    assert token == base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
    assert load_token(path) == token


def test_a_token_that_an_editor_gave_a_newline_is_still_the_token(path: Path) -> None:
    token = create_token(path, FixedChance())
    path.write_text(token + "\r\n\n")
    assert load_token(path) == token
