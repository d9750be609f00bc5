"""Members who mean harm, one kind after the other: each speaks the protocol, and none of them keeps its rules."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hive_node.ports import News
from hive_node.share.compose import compose
from hive_node.simulation.hive import HiveSimulator
from hive_node.simulation.keys import NamedKey
from hive_node.simulation.node import PORT, SimNode
from hive_node.simulation.words import summary
from protocol.deltas import Body, ShareLevel
from protocol.envelope import DELTA_TYPE, Envelope
from protocol.errors import RemoteProtocolError
from protocol.signing import seal

# What a flooding author writes at once.
FLOOD: Final = 50
# Gains that nobody had: out of all reason, just within it, and the wrong way.
LIES: Final = (1e9, 0.999, -1e9, -0.999)


async def lie(sim: HiveSimulator, liar: SimNode, number: int, after_s: float) -> None:
    """After a while, do what the `number`-th liar does."""
    await sim.pass_time(after_s)
    kinds = (equivocate, forge, flood, exaggerate)
    await kinds[number % len(kinds)](liar)


async def equivocate(liar: SimNode) -> None:
    """Tell half of the neighbours one thing, and the others another, under one number."""
    said = [_entry(liar, summary(thing, gain)) for thing, gain in (("one thing", 0.1), ("another thing", 0.2))]
    for number, host in enumerate(_neighbours(liar)):
        await _hand(liar, [host], [said[number % 2]])


async def forge(liar: SimNode) -> None:
    """Speak in another member's name, speak for a stranger, and pass on what was changed on the way."""
    true = _entry(liar, summary("mine", 0.9))
    victim, stranger = NamedKey(_neighbours(liar)[0]), NamedKey(f"stranger of {liar.name}")
    signed = true.signatures[0]
    forged = [replace(true, signatures=(replace(signed, keyid=key.node_id),)) for key in (victim, stranger)]
    changed = replace(true, payload=true.payload.replace(b"mine", b"mind"))
    await _hand(liar, _neighbours(liar), [*forged, changed, seal(DELTA_TYPE, true.payload, [stranger])])


async def flood(liar: SimNode) -> None:
    """Write and write."""
    for number in range(FLOOD):
        await liar.say(summary(f"flood {number}", LIES[1]))


async def exaggerate(liar: SimNode) -> None:
    """Claim figures that nobody had, as many experiments."""
    for number, gain in enumerate(LIES):
        await liar.say(summary(f"lie {number}", gain))


def _entry(liar: SimNode, body: Body) -> Envelope:
    """The next entry of its feed, which nobody keeps it from writing twice."""
    delta = compose(News("a lie", body, ShareLevel.RECIPES), liar.hive, liar.clock.now())
    return seal(DELTA_TYPE, delta.payload(), [liar.key])


def _neighbours(liar: SimNode) -> list[str]:
    return [contact.host for contact in liar.network.contacts.values()]


async def _hand(liar: SimNode, hosts: Sequence[str], entries: Sequence[Envelope]) -> None:
    raws = [entry.to_bytes() for entry in entries]
    for host in hosts:
        try:
            await liar.push(host, PORT, liar.id, raws)
        except RemoteProtocolError:
            continue  # lost on the way, or asleep: the next one hears it
