"""Send: hand a written entry to those who carry it on. Who is away now gets it by reconciliation later."""

import logging

from hive_node.ports import Spreader
from protocol.envelope import Envelope
from protocol.ids import EntryId

logger = logging.getLogger(__name__)


def send(entry: EntryId, envelope: Envelope, spreader: Spreader) -> None:
    """Push a new entry to a few live peers."""
    logger.info("entry sent", extra={"entry": entry})
    spreader.spread([envelope.to_bytes()], source=None)
