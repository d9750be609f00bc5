"""What nodes tell of themselves in the headers of requests and answers (docs/protocol.md §3.4). Hints, and never more."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hive_node.hive import Hive

CHARTER_HEADER: Final = "X-Hive-Charter"
PORT_HEADER: Final = "X-Hive-Port"
HAVE_HEADER: Final = "X-Hive-Have"
LEAVING_HEADER: Final = "X-Hive-Leaving"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LAST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Told:
    """port: where the peer listens; 0 where it said nothing of use. have: its have-digest, or nothing.

    charter: SHA-256 of its newest charter's payload, or nothing. is_leaving: it stops now, and will be back.
    """

    charter_version: int = 0
    port: int = 0
    have: str = ""
    charter: str = ""
    is_leaving: bool = False


def told_of(hive: Hive, port: int, *, is_leaving: bool = False) -> dict[str, str]:
    """What this node tells."""
    held = hive.membership
    charter = f"{held.charter.version} {held.digest}" if held else "0"
    told = {CHARTER_HEADER: charter, PORT_HEADER: str(port), HAVE_HEADER: hive.digest()}
    return told | {LEAVING_HEADER: "1"} if is_leaving else told


def told_by(headers: Mapping[str, str]) -> Told:
    """What the other side tells. Anything out of shape says nothing."""
    port, have = _number(headers.get(PORT_HEADER, "")), headers.get(HAVE_HEADER, "")
    version, _, charter = headers.get(CHARTER_HEADER, "").partition(" ")
    return Told(
        charter_version=_number(version),
        port=port if port <= _LAST_PORT else 0,
        have=_digest(have),
        charter=_digest(charter),
        is_leaving=headers.get(LEAVING_HEADER) == "1",
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def _digest(text: str) -> str:
    return text if _DIGEST.fullmatch(text) else ""
