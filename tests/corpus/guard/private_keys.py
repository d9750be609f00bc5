"""Private keys, made on the spot, in the files and sources that hold them."""

import base64
import random
from collections.abc import Iterator
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tests.corpus.guard.records import Record, mark, record


def private_keys(count: int, chance: random.Random) -> Iterator[Record]:
    """Keys of several kinds and formats in turn, each in the next place."""
    keys = [*_pems().items()]
    for number in range(count):
        group, pem = keys[number % len(keys)]
        yield record(number, "secret", "keys", group, _placed(pem, number // len(keys) + chance.randrange(2)))


@lru_cache(maxsize=1)
def _pems() -> dict[str, str]:
    """Not seeded: a key of chance is as good as any other, and its text never matters."""
    plain, locked = NoEncryption(), BestAvailableEncryption(b"tulip7")
    large, curve, edwards = (
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )
    kinds: dict[
        str,
        tuple[
            rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
            PrivateFormat,
            KeySerializationEncryption,
        ],
    ] = {
        "rsa-pkcs1": (large, PrivateFormat.TraditionalOpenSSL, plain),
        "rsa-pkcs8": (large, PrivateFormat.PKCS8, plain),
        "rsa-encrypted": (large, PrivateFormat.PKCS8, locked),
        "rsa-openssh": (large, PrivateFormat.OpenSSH, plain),
        "ec-sec1": (curve, PrivateFormat.TraditionalOpenSSL, plain),
        "ec-pkcs8": (curve, PrivateFormat.PKCS8, plain),
        "ed25519-openssh": (edwards, PrivateFormat.OpenSSH, plain),
        "ed25519-pkcs8": (edwards, PrivateFormat.PKCS8, plain),
    }
    return {
        group: key.private_bytes(Encoding.PEM, form, lock).decode().strip()
        for group, (key, form, lock) in kinds.items()
    }


def _placed(pem: str, place: int) -> str:
    escaped, lines = pem.replace("\n", "\\n"), pem.splitlines()
    places = (
        mark(pem) + "\n",
        "stringData:\n  tls.key: |\n    " + mark("\n    ".join(lines)),
        '{"type": "service_account", "private_key": "'
        + mark(escaped + "\\n")
        + '", "client_email": "svc@acme-prod.iam"}',
        f'PRIVATE_KEY = """{mark(pem)}"""',
        f'JWT_PRIVATE_KEY="{mark(escaped)}"',
        "Put this into `~/.ssh/deploy`:\n\n```\n" + mark(pem) + "\n```",
        f"cat > /etc/ssl/private/app.key <<EOF\n{mark(pem)}\nEOF",
        "ssh_key=" + mark(pem.replace("\n", " ")),
        "const key = '" + mark("' +\n  '".join(f"{line}\\n" for line in lines)) + "';",
        "@@ -0,0 +1,5 @@\n+" + mark("\n+".join(lines)),
        mark(pem.replace("\n", "\r\n")) + "\r\n",
        "tls.key: " + mark(base64.b64encode(pem.encode()).decode()),
    )
    return places[place % len(places)]
