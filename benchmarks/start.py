"""From the start of a member's process to its first exchange with a peer, beside discovery on its own."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from zeroconf import DNSQuestionType, IPVersion, ServiceInfo, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from benchmarks.daemons import LOOPBACK, Daemon, hive, wait
from benchmarks.processes import cpu_s
from benchmarks.row import Effort, Figure, Row, percentile

_SERVICE = "_hive-bench._tcp.local."
_SEEN_S = 10.0


def measure(effort: Effort) -> Row:
    """A member of a hive of 3 is stopped and started again, time after time, without and with its peers' addresses."""
    repeats = effort.choose(5, 2)
    with hive(3) as nodes:
        found = [_exchange(nodes, knows=False) for _ in range(repeats)]
        known = [_exchange(nodes, knows=True) for _ in range(repeats)]
    seen = [asyncio.run(_announced(probes=False)) for _ in range(repeats)]
    probed = [asyncio.run(_announced(probes=True)) for _ in range(repeats)]
    exchanged = [one.exchanged_s for one in found]
    answered = [one.answered_s for one in found]
    return Row(
        "start to first exchange with a peer on the LAN",
        (
            Figure("found over mDNS alone, worst", max(exchanged), "s", 3.0, limit=percentile(probed, 0.5),
                   limit_is="mDNS announce to seen, probing"),
            Figure("at a remembered address, worst", max(one.exchanged_s for one in known), "s", 3.0,
                   limit=percentile(answered, 0.5),
                   limit_is="process start to API"),
        ),
        (
            f"{repeats} starts each; median over mDNS {percentile(exchanged, 0.5):.2f} s, "
            f"of which {percentile(answered, 0.5):.2f} s until the API answers: imports, store, rules; "
            f"{percentile([one.cpu_s for one in found], 0.5):.2f} s of processor time",
            f"without RFC 6762's probing, which this product leaves out, announce to seen takes {1000 * percentile(seen, 0.5):.1f} ms",
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Started:
    """Seconds from the start of a process. cpu_s: its processor time until the API answered."""

    answered_s: float
    exchanged_s: float
    cpu_s: float


def _exchange(nodes: Sequence[Daemon], *, knows: bool) -> _Started:
    node = nodes[-1]
    node.stop()
    if not knows:
        node.forget_addresses()
    began = time.monotonic()
    node.start()
    wait(nodes, "it to answer", node.answers, 0.01)
    answered, used = time.monotonic(), cpu_s(node.pid)
    wait(nodes, "its first exchange", lambda: any(peer["state"] == "in step" for peer in node.peers()), 0.01)
    exchanged = time.monotonic()
    # The next start begins from a hive at rest.
    wait(nodes, "it to be met by all", lambda: all(peer["state"] == "in step" for peer in node.peers()))
    return _Started(answered - began, exchanged - began, used)


async def _announced(*, probes: bool) -> float:
    """Seconds from announcing a service until a browser sees it, with zeroconf and nothing else."""
    seen = asyncio.Event()

    def on_change(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change is ServiceStateChange.Added:
            seen.set()

    watching = AsyncZeroconf(interfaces=[LOOPBACK], ip_version=IPVersion.V4Only)
    announcing = AsyncZeroconf(interfaces=[LOOPBACK], ip_version=IPVersion.V4Only)
    browser = AsyncServiceBrowser(watching.zeroconf, _SERVICE, handlers=[on_change], question_type=DNSQuestionType.QM)
    try:
        await asyncio.sleep(0.2)  # the browser's own first question is out
        name = f"b-{time.monotonic_ns():x}"
        info = ServiceInfo(
            _SERVICE, f"{name}.{_SERVICE}", port=1, server=f"{name}.local.", addresses=[bytes((127, 0, 0, 1))]
        )
        began = time.monotonic()
        registering = asyncio.create_task(announcing.async_register_service(info, cooperating_responders=not probes))
        async with asyncio.timeout(_SEEN_S):
            await seen.wait()
        elapsed = time.monotonic() - began
        await (await registering)
        return elapsed
    finally:
        await browser.async_cancel()
        await announcing.async_close()
        await watching.async_close()
