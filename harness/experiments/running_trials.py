"""The running trials, in a file of the run directory from which reports show an unfinished run."""

import json
import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.atomic_file import write_file
from harness.clock import Clock
from harness.experiments.state import TrialState
from harness.file_lock import is_locked
from harness.resources.events import Event, StepRead, TrialEnded, TrialMoved

RUNNING = "running.json"
_PAUSE = 0.5  # seconds between a change and its write, so that one write holds many changes
_MOST_BYTES = 4 << 20


@dataclass(slots=True)
class LiveTrial:
    """A trial whose job has not ended.

    Attributes:
        since: when it entered its state, in seconds since 1970.
        metrics: last step and value by the name of a metric with steps.
    """

    trial: str
    state: str
    since: float
    metrics: dict[str, tuple[int, float]] = field(default_factory=dict)


class RunningTrials:
    """A sink of events that updates the file and removes it at the end of the run.

    Args:
        path: the file.
        clock: gives the time of each change of state.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._trials: dict[str, LiveTrial] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def __call__(self, event: Event) -> None:
        """Record an event of a trial."""
        with self._lock:
            match event:
                case TrialMoved(trial, _, state) if TrialState(state).is_active:
                    now = self._clock.now().timestamp()
                    live_trial = self._trials.setdefault(trial, LiveTrial(trial, state, now))
                    live_trial.state, live_trial.since = state, now
                case TrialMoved(trial) | TrialEnded(trial):
                    self._trials.pop(trial, None)
                case StepRead(trial, metric, step, value) if trial in self._trials:
                    self._trials[trial].metrics[metric] = (step, value)
                case _:
                    return
            if self._timer is None and not self._is_closed:
                timer = threading.Timer(_PAUSE, self._write)
                timer.daemon = True
                with suppress(RuntimeError):  # the system can start no more threads; the next change tries again
                    timer.start()
                    self._timer = timer

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            self._is_closed = True
            if self._timer is not None:
                self._timer.cancel()
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        with self._lock:
            self._timer = None
            if not self._is_closed:
                with suppress(OSError):  # the run continues without this file
                    write_file(self._path, json.dumps([_encoded(trial) for trial in self._trials.values()]).encode())


def read_running(run: Path, locked_file: str) -> list[LiveTrial]:
    """The running trials of a run directory; none if no process runs them, or the file cannot be read.

    Args:
        run: the directory.
        locked_file: the name of the file that a run locks.
    """
    try:
        if not is_locked(run / locked_file):
            return []  # a killed run leaves its file
        with (run / RUNNING).open("rb") as stream:
            records: Any = json.loads(stream.read(_MOST_BYTES))
        return [_decoded(record) for record in records]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return []


def _encoded(trial: LiveTrial) -> dict[str, Any]:
    metrics = {
        name: [step, value if math.isfinite(value) else str(value)] for name, (step, value) in trial.metrics.items()
    }
    return {"trial": trial.trial, "state": trial.state, "since": trial.since, "metrics": metrics}


def _decoded(record: Mapping[str, Any]) -> LiveTrial:
    metrics = {str(name): (int(step), float(value)) for name, (step, value) in record["metrics"].items()}
    return LiveTrial(str(record["trial"]), str(record["state"]), float(record["since"]), metrics)
