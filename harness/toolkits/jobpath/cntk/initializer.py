"""Initial weights: ``cntk.initializer``."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .function import Shape
from .missing import missing

Init = Any  # an Initializer, a number or an array


@dataclass(frozen=True, slots=True)
class Initializer:
    """Draws weights of a shape from the numbers of values that go into and come out of a unit."""

    draw: Callable[[Shape, float, float], Any]


def glorot_uniform(scale: float = 1.0) -> Initializer:
    """Uniform within ``scale`` times the root of 6 / (fan in + fan out)."""
    return Initializer(lambda shape, into, out: _uniform(shape, scale * math.sqrt(6 / (into + out))))


def he_normal(scale: float = 1.0) -> Initializer:
    """Normal with a deviation of ``scale`` times the root of 2 / fan in."""
    return Initializer(lambda shape, into, _out: torch.randn(shape).numpy() * np.float32(scale * math.sqrt(2 / into)))


def uniform(scale: float) -> Initializer:
    """Uniform within ``scale`` of 0."""
    return Initializer(lambda shape, _into, _out: _uniform(shape, scale))


def initial(init: Init, shape: Shape, *, fan_in: float, fan_out: float) -> Any:
    """The weights that a layer's ``init`` stands for: an initializer's draw, or a number or array repeated to shape."""
    if isinstance(init, Initializer):
        return init.draw(shape, fan_in, fan_out)
    return np.broadcast_to(np.asarray(init, dtype=np.float32), shape)


def _uniform(shape: Shape, limit: float) -> Any:
    return (torch.rand(shape).numpy() * 2 - 1) * np.float32(limit)


__getattr__ = missing(__name__)
