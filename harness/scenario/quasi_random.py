"""Quasi-random numbers by SciPy, which cover a space more evenly than random ones; this module is imported lazily."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import qmc


def sobol(dimensions: int, seed: int, count: int) -> Iterator[tuple[float, ...]]:
    """Return points of a scrambled Sobol sequence, with coordinates from 0 to 1."""
    engine = qmc.Sobol(dimensions, rng=np.random.default_rng(seed))
    return _points(engine.random_base2((count - 1).bit_length()))


def halton(dimensions: int, seed: int, count: int) -> Iterator[tuple[float, ...]]:
    """Return points of a scrambled Halton sequence, with coordinates from 0 to 1."""
    return _points(qmc.Halton(dimensions, rng=np.random.default_rng(seed)).random(count))


def _points(drawn: "np.ndarray") -> Iterator[tuple[float, ...]]:
    return (tuple(map(float, row)) for row in drawn)
