"""Leaving gracefully: who is told need not find out, and does not take it for a failure (docs/protocol.md §7.3)."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from hive_node.adapters.contacts import Contact
from hive_node.adapters.dialling import attempt
from hive_node.adapters.exchange import Caller

logger = logging.getLogger(__name__)

# All goodbyes together: nobody who stops this node waits for its peers.
GOODBYE_S: Final = 1.0


async def say_goodbye(caller: Caller, live: Iterable[Contact]) -> None:
    """Tell those who are live. No answer is needed: what the caller tells of us with any question says it."""
    try:
        async with asyncio.timeout(GOODBYE_S):
            await asyncio.gather(*(attempt(_take_leave(caller, one)) for one in live))
    except TimeoutError:
        logger.info("not everybody heard that this node stops")


async def _take_leave(caller: Caller, contact: Contact) -> None:
    await caller.status(*contact.where)
