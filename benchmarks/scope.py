"""The scope guard: bulk text and single deltas, beside one linear-time expression and a copy of the same bytes."""

import random
import sysconfig
import time
from pathlib import Path

import re2

from benchmarks.author import Author, new_key, recipe, summary
from benchmarks.row import Effort, Figure, Row, percentile
from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from guardrails.verdict import Refused
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.dictionary import collect_names
from protocol.deltas import Delta, ShareLevel
from protocol.ids import HiveId

_MB = 1e6
_PASSES = 5
_PAGE_CHARS = 1024
_ONE_RULE = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"


def measure(effort: Effort) -> Row:
    """The standard library's own sources, file by file and in pages of 1 KB; then deltas of about 1 KB, as they would leave."""
    chance = SystemChance()
    guard = ScopeGuard(default_engine(), LocalFacts.of(collect_names([]), chance.token_bytes(32)))
    texts = _sources(effort.choose(6_000_000, 2_000_000))
    first_s, scan_s, found = _scan(guard, texts)
    pages = _pages(guard, texts)
    re2_s, copy_s = _one_expression(texts), _copy(texts)
    used, waited, sizes = _deltas(guard, effort.choose(3_000, 800))
    total = sum(map(len, texts)) / _MB
    same = "that expression over as many bytes"
    lone = re2_s / sum(map(len, texts)) * sum(sizes) / len(sizes)
    page = re2_s / sum(map(len, texts)) * _PAGE_CHARS
    return Row(
        "scope guard",
        (
            Figure("bulk text", total / scan_s, "MB/s", 40, "at least", total / re2_s, "one RE2 expression"),
            Figure("1 KB of it, p50", 1000 * percentile(pages, 0.5), "ms", 0.1, limit=1000 * page, limit_is=same),
            Figure("1 KB of it, p99", 1000 * percentile(pages, 0.99), "ms", 1.0, limit=1000 * page, limit_is=same),
            Figure("one delta, p50", 1000 * percentile(used, 0.5), "ms", limit=1000 * lone, limit_is=same),
            Figure("one delta, p99", 1000 * percentile(used, 0.99), "ms", 1.0, limit=1000 * lone, limit_is=same),
            Figure("one delta, p99 by the clock", 1000 * percentile(waited, 0.99), "ms", limit=1000 * lone, limit_is=same),
        ),
        (
            f"{len(texts)} files, {total:.1f} MB, {found} findings, prefilter {default_engine().backend}, "
            f"processor time",
            f"the first pass, which makes the expressions' automata, {total / first_s:.1f} MB/s; "
            f"a plain copy {total / copy_s:,.0f} MB/s",
            f"{len(used):,} calls of check_outgoing, payloads of {sum(sizes) / len(sizes):.0f} bytes",
        ),
    )  # fmt: skip


def _sources(most_bytes: int) -> list[str]:
    texts: list[str] = []
    total = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        if total >= most_bytes:
            break
        texts.append(path.read_text(encoding="utf-8", errors="replace"))
        total += len(texts[-1])
    return texts


def _scan(guard: ScopeGuard, texts: list[str]) -> tuple[float, float, int]:
    """Processor seconds of the first pass, the median of those that follow, and the findings of one."""
    taken: list[float] = []
    found = 0
    for _ in range(_PASSES + 1):
        began = time.process_time()
        found = sum(len(guard.scan_text(text)) for text in texts)
        taken.append(time.process_time() - began)
    return taken[0], percentile(taken[1:], 0.5), found


def _pages(guard: ScopeGuard, texts: list[str]) -> list[float]:
    """Processor seconds of each page."""
    used: list[float] = []
    for text in texts:
        for start in range(0, len(text), _PAGE_CHARS):
            began = time.thread_time()
            guard.scan_text(text[start : start + _PAGE_CHARS])
            used.append(time.thread_time() - began)
    return used


def _one_expression(texts: list[str]) -> float:
    pattern = re2.compile(_ONE_RULE)
    began = time.process_time()
    for text in texts:
        for _ in pattern.finditer(text):
            pass
    return time.process_time() - began


def _copy(texts: list[str]) -> float:
    raws = [text.encode() for text in texts]
    began = time.process_time()
    for _ in range(10):
        for raw in raws:
            bytearray(raw)
    return max(time.process_time() - began, 1e-9) / 10


def _deltas(guard: ScopeGuard, count: int) -> tuple[list[float], list[float], list[int]]:
    """Of each call: its processor seconds, its seconds by the clock (others' work included), and the payload's bytes."""
    chance = random.Random(SystemChance().seed())
    author = Author(new_key(), HiveId("a" * 52), "0" * 64)
    kinds = (recipe, summary)
    deltas = [Delta.parse(author.say(kinds[index % 2](chance)).payload) for index in range(count)]
    used: list[float] = []
    waited: list[float] = []
    for delta in deltas:
        began, cpu = time.perf_counter(), time.thread_time()
        verdict = guard.check_outgoing(delta, ShareLevel.RECIPES)
        used.append(time.thread_time() - cpu)
        waited.append(time.perf_counter() - began)
        if isinstance(verdict, Refused):
            raise RuntimeError(f"a clean delta was refused: {verdict}")  # noqa: TRY004 - the verdict is the product's
    return used, waited, [len(delta.raw) for delta in deltas]
