"""Minibatches from files: ``cntk.io``."""  # CNTK's own name

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from .ctf import read_ctf
from .function import Tensor
from .missing import missing

INFINITELY_REPEAT: Final = (1 << 64) - 1
FULL_DATA_SWEEP: Final = (1 << 64) - 2


class StreamDefs(dict[str, Any]):
    """Streams by name, as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no stream {name!r}; one of: {', '.join(self)}") from None


@dataclass(frozen=True, slots=True)
class StreamDef:
    """A field of the file: its name there, its width, and whether it is written as ``index:value``.

    Both ways of writing are read whatever ``is_sparse`` says, and both give dense tensors.
    """

    field: str
    shape: int
    is_sparse: bool = False


@dataclass(frozen=True, slots=True)
class StreamInformation:
    """A stream of a source, to map to an input of the network."""

    name: str
    sample_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MinibatchData:
    """A stream's samples in a minibatch."""

    data: Tensor
    end_of_sweep: bool

    @property
    def num_samples(self) -> int:
        """How many."""
        return len(self.data)

    @property
    def num_sequences(self) -> int:
        """As many: a sequence is one sample here."""
        return len(self.data)

    def asarray(self) -> Any:
        """The samples as a numpy array, the batch first."""
        return self.data.cpu().numpy()


@dataclass(frozen=True, slots=True)
class CTFDeserializer:
    """A file in CNTK's text format and the streams to read from it."""

    filename: str
    streams: Mapping[str, StreamDef]


class MinibatchSource:
    """Cuts a file into minibatches.

    Args:
        deserializers: the file; one.
        max_samples: after which it ends.
        max_sweeps: over the data, after which it ends.
        randomize: whether each sweep has an order of its own.
        randomization_seed: of these orders.

    Raises:
        ValueError: more than one file is given, or the file is no CTF.
        OSError: it cannot be read.
    """

    def __init__(
        self,
        deserializers: CTFDeserializer | list[CTFDeserializer],
        max_samples: int = INFINITELY_REPEAT,
        max_sweeps: int = INFINITELY_REPEAT,
        *,
        randomize: bool = True,
        randomization_seed: int = 0,
    ) -> None:
        files = deserializers if isinstance(deserializers, list) else [deserializers]
        if len(files) != 1:
            raise ValueError("CNTK on PyTorch reads one file per source")
        defs = files[0].streams
        if any(not isinstance(each.shape, int) or each.shape < 1 for each in defs.values()):
            raise ValueError("a stream's shape is its width, a positive whole number")
        arrays = read_ctf(Path(files[0].filename), {each.field: each.shape for each in defs.values()})
        self._tensors = {
            name: torch.from_numpy(np.ascontiguousarray(arrays[each.field])) for name, each in defs.items()
        }
        self.streams = StreamDefs({name: StreamInformation(name, (each.shape,)) for name, each in defs.items()})
        self._size = len(next(iter(self._tensors.values())))
        self._randomize, self._seed = randomize, randomization_seed
        self._max_samples, self._max_sweeps = max_samples, max_sweeps
        self._seen = self._sweep = self._position = 0
        self._order = self._new_order()

    def next_minibatch(
        self, minibatch_size_in_samples: int, input_map: Mapping[Any, StreamInformation] | None = None
    ) -> dict[Any, MinibatchData]:
        """The next samples: at most as many as asked for, and never from two sweeps.

        Args:
            minibatch_size_in_samples: at least 1.
            input_map: the network's inputs and their streams; default streams stand for themselves.

        Returns:
            Samples by input; nothing at the end of the data.

        Raises:
            ValueError: the size is less than 1.
        """
        if minibatch_size_in_samples < 1:
            raise ValueError("a minibatch has at least one sample")
        size = min(minibatch_size_in_samples, self._size - self._position, self._max_samples - self._seen)
        if size <= 0 or self._sweep >= self._max_sweeps:
            return {}
        chosen = self._order[self._position : self._position + size] if self._randomize else None
        window = slice(self._position, self._position + size)
        end = self._position + size == self._size
        streams = {name: MinibatchData(self._cut(name, window, chosen), end) for name in self._tensors}
        self._advance(size, end=end)
        if input_map is None:
            return {self.streams[name]: data for name, data in streams.items()}
        return {variable: streams[stream.name] for variable, stream in input_map.items()}

    def _cut(self, name: str, window: slice, chosen: Tensor | None) -> Tensor:
        tensor = self._tensors[name]
        return tensor[window] if chosen is None else tensor.index_select(0, chosen)

    def _advance(self, size: int, *, end: bool) -> None:
        self._seen += size
        self._position += size
        if end:
            self._sweep, self._position = self._sweep + 1, 0
            self._order = self._new_order()

    def _new_order(self) -> Tensor:
        if not self._randomize:
            return torch.arange(0)
        return torch.from_numpy(np.random.default_rng((self._seed, self._sweep)).permutation(self._size))


__getattr__ = missing(__name__)
