"""Four ways to the next point of the space, taken in turn. Which of them, and what it draws, the ledger and the seed decide.

The first points are spread over the space. After them, of four points two are where a Gaussian process promises most, one is a
step from the best point, and one is drawn by Optuna's TPE: docs/adr/0008-auto.md has the measurements behind that.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hive_node.operators.axes import Axis, Point, point_of, values_at
from hive_node.operators.draws import Draws, draws, lasting_draws
from hive_node.operators.lessons import Lesson
from hive_node.ports import Situation

SPREAD: Final = 8
# What a model is fitted to: the best points and the last ones. It costs the cube of their number.
_BEST: Final = 60
_LAST: Final = 40
_AT_RANDOM: Final = 300
_AROUND: Final = 120
_REFINED: Final = 50
_SHORT: Final = 60
_FAR: Final = 16
_DRAWS: Final = 100
# A space of no more points than this is searched to its end.
_FEW: Final = 4096


@dataclass(frozen=True, slots=True)
class Search:
    """One search for one point. losses: what is known, smaller is better; where a point failed, the worst of all.

    best: where steps begin from.
    """

    axes: tuple[Axis, ...]
    known: tuple[Point, ...]
    losses: tuple[float, ...]
    has_failed: tuple[bool, ...]
    best: Point
    is_new: Callable[[Point], bool]
    situation: Situation

    def points(self) -> Iterator[Point]:
        """New points, the wanted one first; more for where it cannot be written. Ends when there are none."""
        way = self._way()
        chance = draws(self.situation, "tune")
        yield from itertools.islice(filter(self.is_new, way(chance)), 3)
        yield from self._rest(chance)

    def _way(self) -> Callable[[Draws], Iterator[Point]]:
        turn = len(self.situation.ledger)
        if self.situation.is_exploring:
            return self._far
        if len(self.known) < SPREAD:
            return self._spread
        return (self._promising, self._promising, self._near, self._parzen)[turn % 4]

    def _spread(self, _chance: Draws) -> Iterator[Point]:
        """A Latin hypercube: of any axis, each of the first points has another eighth."""
        turn = len(self.situation.ledger) % SPREAD
        found = []
        for axis in self.axes:
            own = lasting_draws(self.situation, f"spread {axis.key}")
            order = own.sample(range(SPREAD), SPREAD)
            within = [own.random() for _ in order]
            found.append((order[turn] + within[turn]) / SPREAD)
        yield tuple(found)

    def _far(self, chance: Draws) -> Iterator[Point]:
        """Of some points at random the farthest from the best one."""
        found = [self._anywhere(chance) for _ in range(_FAR)]
        yield from sorted(found, key=lambda point: -math.dist(point, self.best))

    def _near(self, chance: Draws) -> Iterator[Point]:
        """Some constants moved, by little or by much."""
        for _ in range(_DRAWS):
            yield self._moved(self.best, chance, 10.0 ** chance.uniform(-2.5, -0.5), 2.0 / len(self.axes))

    def _parzen(self, chance: Draws) -> Iterator[Point]:
        from hive_node.operators.parzen import suggest

        chosen = self._chosen()
        known = [(self.known[at], None if self.has_failed[at] else self.losses[at]) for at in chosen]
        yield from suggest(self.axes, known, chance.getrandbits(32))

    def _promising(self, chance: Draws) -> Iterator[Point]:
        import numpy as np

        from hive_node.operators.surrogate import fit

        chosen = self._chosen()
        rows = np.array([self._row(self.known[at]) for at in chosen])
        random = np.random.default_rng(chance.getrandbits(64))
        model = fit(rows, np.array([self.losses[at] for at in chosen]), random)

        def ranked(points: Sequence[Point]) -> list[Point]:
            promises = model.promise(np.array([self._row(point) for point in points]))
            return [points[at] for at in np.argsort(-promises, kind="stable")]

        def new_ones(points: Sequence[Point]) -> list[Point]:
            new = list(filter(self.is_new, dict.fromkeys(map(self._snapped, points))))
            return ranked(new) if new else []

        tops = [self.known[at] for at in self._order()[:3]]
        broad = [self._anywhere(chance) for _ in range(_AT_RANDOM)]
        broad += [
            self._moved(top, chance, 0.3 * 10.0 ** chance.uniform(-2, 0), 0.3) for top in tops for _ in range(_AROUND)
        ]
        broad = ranked(broad)
        # Whole numbers are near one another: where the best are all known, the rest is looked through.
        first = (new_ones(broad[:_SHORT]) or new_ones(broad))[:5]
        fine = [
            self._moved(top, chance, 0.1 * 10.0 ** chance.uniform(-2, 0), 0.3)
            for top in first[:4]
            for _ in range(_REFINED)
        ]
        yield from new_ones([*first, *(ranked(fine)[:_SHORT] if fine else [])])

    def _rest(self, chance: Draws) -> Iterator[Point]:
        """Whatever is left."""
        count = math.prod(axis.count for axis in self.axes)
        if count > _FEW:
            yield from filter(self.is_new, (self._anywhere(chance) for _ in range(_DRAWS)))
            return
        every = list(itertools.product(*(axis.coordinates() for axis in self.axes)))
        chance.shuffle(every)
        yield from filter(self.is_new, every)

    def _anywhere(self, chance: Draws) -> Point:
        return tuple(chance.random() for _ in self.axes)

    def _moved(self, point: Point, chance: Draws, by: float, share: float) -> Point:
        """At least one coordinate is moved."""
        certain = chance.randrange(len(point))
        share = max(share, 2.0 / len(point))
        moved = list(point)
        for at, axis in enumerate(self.axes):
            if at == certain or chance.random() < share:
                moved[at] = axis.moved(point[at], chance.gauss(0.0, by), chance.random())
        return tuple(moved)

    def _snapped(self, point: Point) -> Point:
        """Where the point's values really lie."""
        return point_of(self.axes, values_at(self.axes, point)) or point

    def _row(self, point: Point) -> list[float]:
        return [column for axis, at in zip(self.axes, point, strict=True) for column in axis.columns(at)]

    def _order(self) -> list[int]:
        return sorted(range(len(self.known)), key=lambda at: (self.has_failed[at], self.losses[at], at))

    def _chosen(self) -> list[int]:
        if len(self.known) <= _BEST + _LAST:
            return list(range(len(self.known)))
        return sorted({*self._order()[:_BEST], *range(len(self.known) - _LAST, len(self.known))})


def search(
    axes: tuple[Axis, ...],
    lessons: Sequence[Lesson],
    best: Point,
    is_new: Callable[[Point], bool],
    situation: Situation,
) -> Search:
    """The search that knows those lessons: a failure is as bad as the worst that was measured."""
    found = [(point, lesson.gain) for lesson in lessons if (point := point_of(axes, lesson.values)) is not None]
    losses = [-gain for _, gain in found if gain is not None]
    worst = max(losses, default=0.0)
    return Search(
        axes,
        tuple(point for point, _ in found),
        tuple(worst if gain is None else -gain for _, gain in found),
        tuple(gain is None for _, gain in found),
        best,
        is_new,
        situation,
    )
