"""A whole training in one object: ``cntk.train.training_session``."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from ..io import INFINITELY_REPEAT, MinibatchSource
from ..missing import missing
from ..schedules import Schedule, minibatch_size_schedule
from .distributed import Communicator
from .trainer import Trainer

__all__ = [
    "CheckpointConfig", "CrossValidationConfig", "DataUnit", "TestConfig", "TrainingSession",
    "minibatch_size_schedule", "training_session",
]  # fmt: skip


class DataUnit(Enum):
    """The unit of a frequency."""

    sample = 0
    minibatch = 1
    sweep = 2


Frequency = int | tuple[int, DataUnit] | None


class CheckpointConfig:
    """The file of a training's state, and how often to write it.

    Args:
        filename: the file.
        frequency: in samples, or with a unit; default only at the end.
        restore: whether to continue from the file if it exists.
        preserve_all: whether each checkpoint gets a separate file, with a number after the name; the last one is also
            written without a number.
    """

    def __init__(
        self, filename: str, frequency: Frequency = None, restore: bool = True, preserve_all: bool = False
    ) -> None:
        self.filename, self.frequency, self.restore, self.preserve_all = filename, frequency, restore, preserve_all


class TestConfig:
    """The test at the end of training.

    Args:
        minibatch_source: the samples, one sweep of them.
        minibatch_size: how many at a time.
        model_inputs_to_streams: streams by input; default those of the training.
        criterion: has to be ``None`` here.
        source: the older name of ``minibatch_source``.
        mb_size: the older name of ``minibatch_size``.
    """

    __test__ = False  # of pytest's

    def __init__(  # noqa: PLR0917  # CNTK's own order
        self,
        minibatch_source: MinibatchSource | None = None,
        minibatch_size: Any = 32,
        model_inputs_to_streams: Mapping[Any, Any] | None = None,
        criterion: Any = None,
        source: MinibatchSource | None = None,
        mb_size: Any = None,
    ) -> None:
        if criterion is not None:
            raise ValueError("CNTK on PyTorch tests with the trainer's own metric: leave criterion out")
        self.source = minibatch_source if minibatch_source is not None else source
        self.sizes = _sizes(minibatch_size if mb_size is None else mb_size)
        self.streams = model_inputs_to_streams


class CrossValidationConfig(TestConfig):
    """The tests during training.

    Args:
        minibatch_source: the samples, the same ones each time.
        frequency: in samples, or with a unit; default only at the end.
        minibatch_size: how many at a time.
        callback: gets index, average error, samples and minibatches of each test; ``False`` ends the training.
        max_samples: the maximum number of samples of each test; default all.
        model_inputs_to_streams: streams by input; default those of the training.
        criterion: has to be ``None`` here.
        source: the older name of ``minibatch_source``.
        mb_size: the older name of ``minibatch_size``.
    """

    def __init__(  # noqa: PLR0917  # CNTK's own order
        self,
        minibatch_source: MinibatchSource | None = None,
        frequency: Frequency = None,
        minibatch_size: Any = 32,
        callback: Callable[[int, float, int, int], bool] | None = None,
        max_samples: int | None = None,
        model_inputs_to_streams: Mapping[Any, Any] | None = None,
        criterion: Any = None,
        source: MinibatchSource | None = None,
        mb_size: Any = None,
    ) -> None:
        super().__init__(minibatch_source, minibatch_size, model_inputs_to_streams, criterion, source, mb_size)
        self.frequency, self.callback, self.max_samples = frequency, callback, max_samples


class _Action:
    """An action that runs at a frequency, and at the end if training has continued since the last time."""

    def __init__(self, frequency: Frequency, act: Callable[[], bool]) -> None:
        self._every, self._unit = frequency if isinstance(frequency, tuple) else (frequency, DataUnit.sample)
        self._act = act
        self._counts = dict.fromkeys(DataUnit, 0)
        self._done = 0
        self._pending = False

    def count(self, samples: int, sweep_end: bool) -> bool:
        """Count a minibatch, and act if it is time. Return whether training continues."""
        for unit, more in ((DataUnit.sample, samples), (DataUnit.minibatch, 1), (DataUnit.sweep, int(sweep_end))):
            self._counts[unit] += more
        times = self._counts[self._unit] // self._every if self._every else 0
        self._pending, self._done = times == self._done, times
        return self._pending or self._act()

    def finish(self) -> None:
        """Act if training has continued since the last time."""
        if self._pending:
            self._act()


class TrainingSession:
    """Trains until the samples end; ``training_session`` creates it."""

    def __init__(  # noqa: PLR0917  # CNTK's own order
        self,
        trainer: Trainer,
        mb_source: MinibatchSource,
        mb_size: Any,
        model_inputs_to_streams: Mapping[Any, Any],
        max_samples: int | None,
        progress_frequency: Frequency,
        checkpoint_config: CheckpointConfig | None,
        cv_config: CrossValidationConfig | None,
        test_config: TestConfig | None,
    ) -> None:
        self._trainer, self._source, self._sizes = trainer, mb_source, _sizes(mb_size)
        self._streams, self._most = model_inputs_to_streams, max_samples or INFINITELY_REPEAT
        self._progress, self._checkpoint = progress_frequency, checkpoint_config
        self._validation, self._test = cv_config, test_config
        self._validations = self._checkpoints = 0

    def train(self, device: Any = None) -> None:
        """Run the whole training.

        Args:
            device: accepted as in CNTK; the default device computes.
        """
        del device
        self._restore()
        actions = self._actions()
        sample_count = self._trainer.total_number_of_samples_seen
        shared = self._trainer.distributed
        workers, worker = (Communicator.num_workers(), Communicator.rank()) if shared else (1, 0)
        is_running = True
        while is_running and sample_count < self._most:
            size = min(int(self._sizes.at(sample_count, 0)), self._most - sample_count)
            data = self._source.next_minibatch(size, self._streams, num_data_partitions=workers, partition_index=worker)
            if not self._trainer.train_minibatch(data):
                break
            count = self._trainer.previous_minibatch_sample_count
            sample_count += count
            ended = any(stream.end_of_sweep for stream in data.values())
            answers = [action.count(count, ended) for action in actions]
            is_running = all(answers)
        for action in actions:
            action.finish()
        self._save_last()
        if self._test and self._test.source is not None:
            self._evaluate(self._test, None)

    def _actions(self) -> list[_Action]:
        actions = [_Action(self._progress, self._summarize)]
        if self._checkpoint:
            actions.append(_Action(self._checkpoint.frequency, self._save))
        if self._validation:
            actions.append(_Action(self._validation.frequency, self._validate))
        return actions

    def _summarize(self) -> bool:
        self._trainer.summarize_training_progress()
        return True

    def _validate(self) -> bool:
        config = self._validation
        if config is None or config.source is None:
            return True
        start = config.source.get_checkpoint_state()
        average, samples, minibatches = self._evaluate(config, config.max_samples)
        config.source.restore_from_checkpoint(start)
        index, self._validations = self._validations, self._validations + 1
        return config.callback is None or config.callback(index, average, samples, minibatches) is not False

    def _evaluate(self, config: TestConfig, most: int | None) -> tuple[float, int, int]:
        total, samples, minibatches = 0.0, 0, 0
        source, limit = config.source, most or INFINITELY_REPEAT
        while source is not None and samples < limit:
            size = min(int(config.sizes.at(samples, 0)), limit - samples)
            data = source.next_minibatch(size, config.streams or self._streams)
            if not data:
                break
            count = next(iter(data.values())).num_samples
            total += self._trainer.test_minibatch(data) * count
            samples, minibatches = samples + count, minibatches + 1
        self._trainer.summarize_test_progress()
        return total / max(1, samples), samples, minibatches

    def _save(self) -> bool:
        config = self._checkpoint
        if config is not None:
            self._save_as(f"{config.filename}{self._checkpoints}" if config.preserve_all else config.filename)
            self._checkpoints += 1
        return True

    def _save_last(self) -> None:
        """With ``preserve_all``, write the checkpoint without a number, which a restarted training restores."""
        config = self._checkpoint
        if config is not None and config.preserve_all:
            self._save_as(config.filename)

    def _save_as(self, name: str) -> None:
        if Communicator.is_main():
            self._trainer.save_checkpoint(name, {"source": self._source.get_checkpoint_state()})

    def _restore(self) -> None:
        config = self._checkpoint
        if config is not None and config.restore and Path(f"{config.filename}.ckp").exists():
            external = self._trainer.restore_from_checkpoint(config.filename)
            self._source.restore_from_checkpoint(external["source"])


def training_session(  # noqa: PLR0917  # CNTK's own order
    trainer: Trainer,
    mb_source: MinibatchSource,
    mb_size: Any,
    model_inputs_to_streams: Mapping[Any, Any],
    progress_frequency: Frequency = None,
    max_samples: int | None = None,
    checkpoint_config: CheckpointConfig | None = None,
    cv_config: CrossValidationConfig | None = None,
    test_config: TestConfig | None = None,
) -> TrainingSession:
    """A training, to be started with ``train()``.

    Args:
        trainer: the trainer.
        mb_source: the samples.
        mb_size: the size of minibatches: a number or ``minibatch_size_schedule``.
        model_inputs_to_streams: the source's streams by input of the network.
        progress_frequency: how often progress is summarized, in samples or with a ``DataUnit``; default at the end.
        max_samples: the number of samples after which to stop; default when the source ends.
        checkpoint_config: whether and where to write checkpoints.
        cv_config: the tests during training.
        test_config: the test at the end.
    """
    return TrainingSession(
        trainer, mb_source, mb_size, model_inputs_to_streams, max_samples, progress_frequency, checkpoint_config,
        cv_config, test_config,
    )  # fmt: skip


def _sizes(value: Any) -> Schedule:
    return value if isinstance(value, Schedule) else minibatch_size_schedule(value)


__getattr__ = missing(__name__)
