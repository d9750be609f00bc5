"""A Gaussian process over what was measured: which untried point promises most. Pure; points are rows in the unit cube.

Matérn 5/2 with a length scale for each dimension, fitted by maximum a posteriori; the next point is the one of largest expected
improvement (Jones et al. 1998). numpy is imported with this module alone: it is one that is imported at first use.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
# Length scales in units of the cube's side, and noise as a share of the spread, each as a natural logarithm.
_SCALE_RANGE: Final = (math.log(0.03), math.log(6.0))
_SCALE_PRIOR: Final = (math.log(0.5), 1.0)
_NOISE_RANGE: Final = (-14.0, 0.0)
_NOISE_PRIOR: Final = (-9.0, 3.0)
_FIRST_SCALES: Final = (0.15, 0.3, 0.6, 1.2)
_TRIES: Final = 30
_TRY_STEP: Final = 0.7
_JITTER: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A fitted process. best: the smallest value that it was fitted to, in its own units."""

    points: Matrix
    scales: Matrix
    factor: Matrix
    weights: Matrix
    variance: float
    best: float

    def promise(self, points: Matrix) -> Matrix:
        """The logarithm of each point's expected improvement below `best`."""
        covariance = _matern(self.points, points, self.scales)
        explained = np.linalg.solve(self.factor, covariance)
        mean = explained.T @ self.weights
        deviation = np.sqrt(np.maximum(self.variance * (1.0 - (explained**2).sum(axis=0)), 1e-12))
        promise: Matrix = _log_expected_improvement((self.best - mean) / deviation) + np.log(deviation)
        return promise


def fit(points: Matrix, values: Matrix, random: np.random.Generator) -> Surrogate:
    """The process that explains `values`, smaller is better, best. `random` decides where the scales are sought."""
    spread = _warped(values)
    dimensions = points.shape[1]
    starts = [np.append(np.full(dimensions, math.log(scale)), _NOISE_PRIOR[0]) for scale in _FIRST_SCALES]
    loss, found = min(((_loss(start, points, spread), start) for start in starts), key=lambda one: one[0])
    for _ in range(_TRIES):
        is_moved = random.random(dimensions + 1) < max(0.34, 1.5 / (dimensions + 1))
        tried = found + is_moved * random.normal(0.0, _TRY_STEP, dimensions + 1)
        tried[:-1] = np.clip(tried[:-1], *_SCALE_RANGE)
        tried[-1] = np.clip(tried[-1], *_NOISE_RANGE)
        if (loss_tried := _loss(tried, points, spread)) < loss:
            loss, found = loss_tried, tried
    factor: Matrix = np.linalg.cholesky(_kernel(found, points)).astype(np.float64)
    weights: Matrix = np.linalg.solve(factor, spread).astype(np.float64)
    variance = float(weights @ weights) / len(spread)
    return Surrogate(points, np.exp(found[:-1]), factor, weights, variance, float(spread.min()))


def _warped(values: Matrix) -> Matrix:
    """Standardised, with the bad ones drawn together: how bad they are says little about where the good ones lie."""
    best = values.min()
    middle = np.median(values) - best
    warped = np.log1p(3.0 * (values - best) / (middle if middle > 0 else 1.0))
    standardised: Matrix = (warped - warped.mean()) / (warped.std() or 1.0)
    return standardised


def _loss(parameters: Matrix, points: Matrix, values: Matrix) -> float:
    try:
        factor = np.linalg.cholesky(_kernel(parameters, points))
    except np.linalg.LinAlgError:
        return math.inf
    weights = np.linalg.solve(factor, values)
    likelihood = len(values) / 2 * math.log(float(weights @ weights) / len(values) + 1e-12)
    likelihood += float(np.log(np.diag(factor)).sum())
    prior = float((((parameters[:-1] - _SCALE_PRIOR[0]) / _SCALE_PRIOR[1]) ** 2).sum()) / 4
    return likelihood + prior + ((float(parameters[-1]) - _NOISE_PRIOR[0]) / _NOISE_PRIOR[1]) ** 2 / 4


def _kernel(parameters: Matrix, points: Matrix) -> Matrix:
    noise = math.exp(float(parameters[-1])) + _JITTER
    return _matern(points, points, np.exp(parameters[:-1])) + noise * np.eye(len(points))


def _matern(one: Matrix, other: Matrix, scales: Matrix) -> Matrix:
    left, right = one / scales, other / scales
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2.0 * left @ right.T
    distance = np.sqrt(5.0 * np.maximum(squared, 0.0))
    return np.asarray((1.0 + distance + distance**2 / 3.0) * np.exp(-distance))


def _log_expected_improvement(z: Matrix) -> Matrix:
    density = np.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
    cumulative = 0.5 * (1.0 + np.array([math.erf(one / math.sqrt(2.0)) for one in z]))
    improvement = z * cumulative + density
    # Far below, both terms cancel: there its leading term is density / z².
    far = -(z**2) / 2.0 - 0.5 * math.log(2.0 * math.pi) - 2.0 * np.log(np.maximum(np.abs(z), 1.0))
    return np.where((z > -5.0) & (improvement > 0.0), np.log(np.maximum(improvement, 1e-300)), far)
