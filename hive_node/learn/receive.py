"""Receive: may anything be taken in at all right now?"""

from datetime import datetime

from hive_node.hive import Hive
from protocol.errors import Code
from protocol.verification import Membership


def receive(hive: Hive, now: datetime) -> Membership | Code:
    """The membership to judge arrivals by, or why nothing is accepted."""
    return hive.refusal(now) or hive.membership or Code.NOT_A_MEMBER
