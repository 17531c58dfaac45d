"""Draws that decide whether a fault strikes; they depend only on seed, fault, key and ordinal; pure."""

import re
from dataclasses import dataclass
from hashlib import blake2b

_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_MANTISSA = 53  # bits of a float


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a fault.

    ``chance`` is uniform in [0, 1); ``late`` and ``heads`` are coin flips: whether the fault strikes after the request
    took effect, and which of two forms it takes.
    """

    chance: float
    late: bool
    heads: bool


def draw(seed: int, fault: str, key: str, ordinal: int) -> Draw:
    """The draw of a fault for the ``ordinal``-th occurrence of a key, from 0."""
    text = f"{seed}\0{fault}\0{ordinal}\0{key}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=8).digest())
    return Draw((number >> (64 - _MANTISSA)) / (1 << _MANTISSA), bool(number & 1), bool(number & 2))


def request_key(method: str, path: str) -> str:
    """The key of a request, in which all GUIDs are the same, because they differ from run to run."""
    return f"{method} {_GUID.sub('{guid}', path.lower())}"
