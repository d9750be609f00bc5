"""Somebody on the network who announces a thousand nodes that are none: to be run in a namespace of its own.

python -m tests.multihost.crowd NAMESPACE HIVE SECONDS: half of them are tagged as only a member could tag them. They are told
over and over, from real sockets, as fast as one sender gets them out in packets that hold a node each.
"""

import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from zeroconf import ServiceInfo
from zeroconf._protocol.outgoing import DNSOutgoing

from hive_node.adapters.announcing import SERVICE
from hive_node.adapters.recognising import tag
from protocol.ids import HiveId
from tests.multihost.lan import enter

GROUP = ("224.0.0.251", 5353)
NODES = 1_000
A_SECOND = 500


def packets(hive: HiveId) -> Iterator[bytes]:
    """One for each false node, all records of it at once."""
    for number in range(NODES):
        instance = f"hn-{number:016x}"
        text = tag(hive, instance, datetime.now(UTC).date()) if number % 2 else f"{number:016x}"
        address = socket.inet_aton(f"10.77.0.{60 + number % 190}")
        info = ServiceInfo(
            SERVICE,
            f"{instance}.{SERVICE}",
            port=7740,
            properties={"v": "1", "h": text},
            server=f"{instance}.local.",
            addresses=[address],
        )
        out = DNSOutgoing(0x8400)
        for record in (info.dns_pointer(), info.dns_service(), info.dns_text(), *info.dns_addresses()):
            out.add_answer_at_time(record, 0)
        yield from out.packets()


def main() -> None:
    namespace, hive, seconds = sys.argv[1:]
    enter(namespace)
    crowd = list(packets(HiveId(hive)))
    until = time.monotonic() + float(seconds)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.6"))
        # Anything from another port is a question of somebody who speaks no mDNS (RFC 6762 §6.7).
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.bind(("10.77.0.6", 5353))
        while time.monotonic() < until:
            for packet in crowd:
                sender.sendto(packet, GROUP)
                time.sleep(1 / A_SECOND)
