"""Initial weights: ``cntk.initializer``."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .missing import missing
from .shape import Shape

Init = Any  # an Initializer, a number or an array
_Draw = Callable[[Shape, float, float, Any], Any]


@dataclass(frozen=True, slots=True)
class Initializer:
    """Draws weights of a shape, given fan in, fan out and a generator."""

    draw: _Draw
    seed: int | None = None


def glorot_uniform(
    scale: float = 1.0, output_rank: Any = None, filter_rank: Any = None, seed: Any = None
) -> Initializer:
    """Uniform within ``scale`` times the root of 6 / (fan in + fan out)."""
    _ranks(output_rank, filter_rank)
    return _uniform(lambda into, out: scale * math.sqrt(6 / (into + out)), seed)


def glorot_normal(
    scale: float = 1.0, output_rank: Any = None, filter_rank: Any = None, seed: Any = None
) -> Initializer:
    """Normal with a deviation of ``scale`` times the root of 2 / (fan in + fan out)."""
    _ranks(output_rank, filter_rank)
    return _normal(lambda into, out: scale * math.sqrt(2 / (into + out)), seed)


def he_uniform(scale: float = 1.0, output_rank: Any = None, filter_rank: Any = None, seed: Any = None) -> Initializer:
    """Uniform within ``scale`` times the root of 6 / fan in."""
    _ranks(output_rank, filter_rank)
    return _uniform(lambda into, _out: scale * math.sqrt(6 / into), seed)


def he_normal(scale: float = 1.0, output_rank: Any = None, filter_rank: Any = None, seed: Any = None) -> Initializer:
    """Normal with a deviation of ``scale`` times the root of 2 / fan in."""
    _ranks(output_rank, filter_rank)
    return _normal(lambda into, _out: scale * math.sqrt(2 / into), seed)


def xavier(scale: float = 1.0, output_rank: Any = None, filter_rank: Any = None, seed: Any = None) -> Initializer:
    """Uniform within ``scale`` times the root of 3 / fan in."""
    _ranks(output_rank, filter_rank)
    return _uniform(lambda into, _out: scale * math.sqrt(3 / into), seed)


def uniform(scale: float, seed: Any = None) -> Initializer:
    """Uniform within ``scale`` of 0."""
    return _uniform(lambda _into, _out: scale, seed)


def normal(scale: float, output_rank: Any = None, filter_rank: Any = None, seed: Any = None) -> Initializer:
    """Normal with a deviation of ``scale``."""
    _ranks(output_rank, filter_rank)
    return _normal(lambda _into, _out: scale, seed)


def truncated_normal(stdev: float, seed: Any = None) -> Initializer:
    """Normal with a deviation of ``stdev``, and nothing beyond twice that."""

    def draw(shape: Shape, _into: float, _out: float, generator: Any) -> Any:
        return torch.nn.init.trunc_normal_(torch.empty(shape), 0, stdev, -2 * stdev, 2 * stdev, generator)

    return Initializer(draw, seed)


def is_initializer(init: Init) -> bool:
    """Whether ``init`` draws weights, and is not a number or an array."""
    return isinstance(init, Initializer)


def initial_weights(init: Init, shape: Shape, *, fan_in: float, fan_out: float) -> Any:
    """The weights of a layer's ``init``: an initializer's draw, or a number or array that is broadcast to the shape."""
    if not isinstance(init, Initializer):
        return np.broadcast_to(np.asarray(init, dtype=np.float32), shape)
    generator = None if init.seed is None else torch.Generator().manual_seed(init.seed)
    return init.draw(shape, fan_in, fan_out, generator).numpy()


def _uniform(limit: Callable[[float, float], float], seed: int | None) -> Initializer:
    def draw(shape: Shape, into: float, out: float, generator: Any) -> Any:
        return (torch.rand(shape, generator=generator) * 2 - 1) * limit(into, out)

    return Initializer(draw, seed)


def _normal(deviation: Callable[[float, float], float], seed: int | None) -> Initializer:
    def draw(shape: Shape, into: float, out: float, generator: Any) -> Any:
        return torch.randn(shape, generator=generator) * deviation(into, out)

    return Initializer(draw, seed)


def _ranks(output_rank: Any, filter_rank: Any) -> None:
    if output_rank is not None or filter_rank is not None:
        raise ValueError("CNTK on PyTorch takes the ranks of an initializer from the layer: leave them out")


__getattr__ = missing(__name__)
