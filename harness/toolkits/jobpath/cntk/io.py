"""Minibatches from files: ``cntk.io``."""  # CNTK's own name

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from .ctf import read_ctf, sequence_ids
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

    Both kinds give dense tensors.
    """

    field: str
    shape: int
    is_sparse: bool = False
    defines_mb_size: bool = False


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
        """The number of samples."""
        return len(self.data)

    @property
    def num_sequences(self) -> int:
        """The number of sequences, each of which is one sample here."""
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
    """Splits the samples of one file, or the joined samples of several files, into minibatches.

    The samples of several files are joined by sequence id; an id that a file lacks is left out.

    Args:
        deserializers: the file, or a list; the first gives the order of samples.
        max_samples: the number of samples after which the source ends.
        max_sweeps: the number of sweeps over the data after which the source ends.
        randomization_window_in_chunks: accepted as in CNTK; all samples of a sweep are shuffled here.
        randomization_window_in_samples: accepted as in CNTK.
        randomization_seed: the seed of the orders of sweeps.
        trace_level: accepted as in CNTK.
        multithreaded_deserializer: accepted as in CNTK.
        frame_mode: accepted as in CNTK.
        truncation_length: has to be 0 here.
        randomize: whether each sweep has a different order.
        max_errors: has to be 0 here.

    Raises:
        ValueError: two streams have the same name, or a file is no CTF.
        OSError: it cannot be read.
    """

    def __init__(  # noqa: PLR0917  # CNTK's own order
        self,
        deserializers: CTFDeserializer | list[CTFDeserializer],
        max_samples: int = INFINITELY_REPEAT,
        max_sweeps: int = INFINITELY_REPEAT,
        randomization_window_in_chunks: int = 128,
        randomization_window_in_samples: int = 0,
        randomization_seed: int = 0,
        trace_level: int = 1,
        multithreaded_deserializer: bool | None = None,
        frame_mode: bool = False,
        truncation_length: int = 0,
        randomize: bool = True,
        max_errors: int = 0,
    ) -> None:
        del randomization_window_in_chunks, randomization_window_in_samples
        del trace_level, multithreaded_deserializer, frame_mode
        if truncation_length or max_errors:
            raise ValueError("CNTK on PyTorch reads samples, every one of them: truncation_length=0, max_errors=0")
        files = deserializers if isinstance(deserializers, list) else [deserializers]
        self.streams = StreamDefs(_stream_infos(files))
        arrays = _joined(files)
        self._tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
        self._size = len(next(iter(self._tensors.values())))
        self._randomize, self._seed = randomize, randomization_seed
        self._limit = min(max_samples, max_sweeps * self._size)
        self._position = 0
        self._orders: dict[int, Tensor] = {}

    def next_minibatch(
        self,
        minibatch_size_in_samples: int,
        input_map: Mapping[Any, StreamInformation] | None = None,
        device: Any = None,
        num_data_partitions: int | None = None,
        partition_index: int | None = None,
    ) -> dict[Any, MinibatchData]:
        """The next samples; a minibatch may continue in the next sweep, and the last one may be smaller.

        Args:
            minibatch_size_in_samples: at least 1.
            input_map: the network's inputs and their streams; by default the keys of the result are streams.
            device: accepted as in CNTK; a minibatch goes to the default device when it is used.
            num_data_partitions: the number of workers that share the minibatch.
            partition_index: this worker's number, from 0.

        Returns:
            Samples by input; a worker may get none if there are fewer samples than workers. At the end of the data all
            workers get an empty mapping, so that their loops end together.

        Raises:
            ValueError: the size is less than 1.
        """
        del device
        if minibatch_size_in_samples < 1:
            raise ValueError("a minibatch has at least one sample")
        first, size = self._position, min(minibatch_size_in_samples, self._limit - self._position)
        workers, worker = num_data_partitions or 1, partition_index or 0
        begin, stop = (first + size * edge // workers for edge in (worker, worker + 1))
        if size <= 0:
            return {}
        self._position += size
        end = self._position // self._size > first // self._size
        streams = {name: MinibatchData(tensor, end) for name, tensor in self._samples(begin, stop).items()}
        if input_map is None:
            return {self.streams[name]: data for name, data in streams.items()}
        return {variable: streams[stream.name] for variable, stream in input_map.items()}

    def get_checkpoint_state(self) -> dict[str, int]:
        """The current position, for a checkpoint."""
        return {"seen": self._position}

    def restore_from_checkpoint(self, checkpoint: Mapping[str, int]) -> None:
        """Continue at a position."""
        self._position = checkpoint["seen"]

    @property
    def current_position(self) -> dict[str, int]:
        """The current position."""
        return self.get_checkpoint_state()

    def stream_info(self, name: str) -> StreamInformation:
        """A stream by name."""
        stream: StreamInformation = self.streams[name]
        return stream

    def stream_infos(self) -> list[StreamInformation]:
        """Every stream."""
        return list(self.streams.values())

    def _samples(self, begin: int, stop: int) -> dict[str, Tensor]:
        """Samples by their positions in the endless sequence of sweeps."""
        if begin == stop:
            return {name: tensor[:0] for name, tensor in self._tensors.items()}
        if not self._randomize and begin // self._size == (stop - 1) // self._size:
            window = slice(begin % self._size, (stop - 1) % self._size + 1)
            return {name: tensor[window] for name, tensor in self._tensors.items()}
        parts = []
        while begin < stop:
            sweep, offset = divmod(begin, self._size)
            count = min(stop - begin, self._size - offset)
            parts.append(self._order(sweep)[offset : offset + count])
            begin += count
        indices = parts[0] if len(parts) == 1 else torch.cat(parts)
        return {name: tensor.index_select(0, indices) for name, tensor in self._tensors.items()}

    def _order(self, sweep: int) -> Tensor:
        if sweep not in self._orders:
            generator = np.random.default_rng((self._seed, sweep))
            positions = generator.permutation(self._size) if self._randomize else np.arange(self._size)
            self._orders = {number: order for number, order in self._orders.items() if number == sweep - 1}
            self._orders[sweep] = torch.from_numpy(positions)
        return self._orders[sweep]


def _stream_infos(files: Sequence[CTFDeserializer]) -> dict[str, StreamInformation]:
    streams: dict[str, StreamInformation] = {}
    for name, definition in (item for file in files for item in file.streams.items()):
        if name in streams:
            raise ValueError(f"two streams have the name {name!r}; rename one of them")
        if not isinstance(definition.shape, int) or definition.shape < 1:
            raise ValueError("a stream's shape is its width, a positive whole number")
        streams[name] = StreamInformation(name, (definition.shape,))
    return streams


def _joined(files: Sequence[CTFDeserializer]) -> dict[str, Any]:
    """Every stream's samples, in the order of the first file."""
    arrays = [_read(file) for file in files]
    if len(files) == 1:
        return arrays[0]
    positions = [{key: index for index, key in enumerate(sequence_ids(Path(file.filename)))} for file in files]
    shared_ids = [key for key in positions[0] if all(key in mapping for mapping in positions[1:])]
    if not shared_ids:
        raise ValueError(f"no sequence id is in each of {', '.join(file.filename for file in files)}")
    return {
        name: array[[mapping[key] for key in shared_ids]]
        for mapping, streams in zip(positions, arrays, strict=True)
        for name, array in streams.items()
    }


def _read(file: CTFDeserializer) -> dict[str, Any]:
    """The samples of a file by the name of their stream."""
    definitions = file.streams.values()
    widths = {definition.field: definition.shape for definition in definitions}
    sparse = {definition.field for definition in definitions if definition.is_sparse}
    arrays = read_ctf(Path(file.filename), widths, sparse)
    return {name: arrays[definition.field] for name, definition in file.streams.items()}


__getattr__ = missing(__name__)
