"""Verifies what `hive-node delta export` wrote, with nothing but `cryptography`: python verify_feed.py FILE"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

heads: dict[tuple[str, int], tuple[int, str | None]] = {}
with open(sys.argv[1], "rb") as lines:
    for number, line in enumerate(lines, 1):
        envelope = json.loads(line)
        kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"], validate=True)
        (signature,) = envelope["signatures"]
        key = base64.b32decode(signature["keyid"].upper() + "====")  # a node id is the public key itself
        pae = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature["sig"], validate=True), pae)
        entry, identity = json.loads(payload), hashlib.sha256(payload).hexdigest()
        if entry["author"] != signature["keyid"]:
            sys.exit(f"line {number}: signed by another")
        seq, head = heads.get((entry["author"], entry["epoch"]), (0, None))
        if (entry["seq"], entry["prev"]) != (seq + 1, head):
            sys.exit(f"line {number}: the chain is broken")
        heads[entry["author"], entry["epoch"]] = (entry["seq"], identity)
        print(identity, entry["kind"])
