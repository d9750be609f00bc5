"""Prometheus metrics, made at each scrape from what is stored; nothing is counted twice or lost at a restart."""

from collections.abc import Mapping, Sequence

from hive_node.api.models import AgentsInShort, StoreInShort
from hive_node.domain import Experiment
from protocol.wire import JsonValue


def exposition(status: Mapping[str, JsonValue], experiments: Sequence[Experiment]) -> bytes:
    """The node's metrics in the text format. status: as `GET /v1/status` answers."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, values: dict[tuple[str, ...], float], labels: tuple[str, ...] = ()) -> None:
        metric = Gauge(f"hive_node_{name}", meaning, labels, registry=registry)
        for label_values, value in values.items():
            (metric.labels(*label_values) if labels else metric).set(value)

    gauge("peers", "Members that were met and answer", {(): float(str(status["peers"]))})
    gauge("experiments", "Experiments by state", _by(status["experiments"]), ("state",))
    gauge("deltas", "Entries by direction", _by(status["deltas"]), ("direction",))
    gauge("scope_guard", "The scope guard's decisions", _by(status["scope_guard"]), ("decision",))
    gauge("trials", "Candidates measured", {(): float(sum(one.spent.trials for one in experiments))})
    gauge("promotions", "Candidates promoted", {(): float(sum(one.promotions for one in experiments))})
    agents = AgentsInShort.model_validate(status["agents"])
    gauge("agents", "Coding agents looked after", {(): float(agents.kept)})
    gauge("agents_in_trouble", "Agents put off, or with files not in place", {(): float(len(agents.troubles))})
    gauge("agent_contests", "Contests of coding agents by how they stand", _by(agents.contests), ("state",))
    gauge("agent_sessions", "Sessions in contests by arm", _by(agents.sessions), ("arm",))
    gauge("service_restarts", "Restarts of the daemon's parts since it started", _by(status["restarts"]), ("service",))
    store = StoreInShort.model_validate(status["store"])
    gauge("database_bytes", "The database, with what is written ahead of it", {(): float(store.database_bytes)})
    gauge("free_bytes", "Free on the database's disk", {(): float(store.free_bytes)})
    gauge("halted", "1 while nothing is promoted or sent", {(): float(status["halted"] is not None)})
    return bytes(generate_latest(registry))


def _by(counts: object) -> dict[tuple[str, ...], float]:
    return {(str(name),): float(value) for name, value in counts.items()} if isinstance(counts, dict) else {}
