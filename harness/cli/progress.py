"""The display of ``harness run``: finished steps, states of nodes, lines of jobs, and the table of results."""

from collections import Counter
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from harness.cli.markup import plain
from harness.clock import Clock
from harness.experiments.state import TrialState
from harness.printable import printable_lines
from harness.resources.events import (
    Event,
    LogLine,
    LogSkipped,
    StepEnded,
    StepRead,
    StepStarted,
    TeardownFailed,
    TrialEnded,
    TrialMoved,
)
from harness.scenario.model import Scenario

_DONE = {
    "creating": "created",
    "deleting": "deleted",
    "uploading": "uploaded",
    "registering": "registered",
}
_WIDTH = 160  # columns that are assumed for a file or a pipe


def open_console() -> Console:
    """Return a console for standard output; without a terminal it is wide enough for most tables."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH, soft_wrap=True)


def say_lines(console: Console, text: str) -> None:
    """Print text literally, without markup and with escaped control characters."""
    console.print(printable_lines(text), markup=False)


class Display:
    """Draws events as lines and, on a terminal, a status line below them.

    Args:
        console: the console to draw on.
        clock: measures how long steps take.
    """

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._status: Status | None = None
        self._began: dict[tuple[str, str], float] = {}
        self._states: dict[str, TrialState] = {}
        self._in_state: Counter[TrialState] = Counter()  # trials by state; counting them at each event is slow
        self._total = 0
        self._ended: Counter[str] = Counter()
        self._best = self._live = ""
        self._start = clock.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def begin(self, scenario: Scenario, total: int) -> None:
        """Begin with the trials of a scenario; if there are several, only log lines with a metric are shown."""
        self._total = total
        self._states.clear()
        self._in_state.clear()
        self._ended.clear()
        self._best = self._live = ""
        self._start = self._clock.monotonic()
        self._line(f"[bold]{plain(scenario.scenario)}[/] {plain(scenario.description)} ({total} trial(s))")

    def __call__(self, event: Event) -> None:
        """Draw an event."""
        match event:
            case StepStarted(step, name):
                self._began[step, name] = self._clock.monotonic()
                self._update(f"{step} {name}")
            case StepEnded(step, name):
                seconds = self._clock.monotonic() - self._began.pop((step, name), self._clock.monotonic())
                self._line(f"{_DONE.get(step, step)} {plain(name)} [dim]({seconds:.1f} s)[/]")
            case TeardownFailed():
                self._line(f"[red]{plain(str(event))}[/]")
            case TrialMoved(trial, _, state):
                self._move(trial, TrialState(state))
                self._line(plain(str(event)))
                self._update_counts()
            case TrialEnded():
                self._note(event)
                self._update_counts()
            case StepRead(trial, metric, _, value):
                self._live = f"{trial} {metric} {value:.4g}"
                self._update_counts()
            case LogLine(is_metric=is_metric):
                if is_metric or self._total == 1:
                    self._line(plain(str(event)))
            case LogSkipped():
                if self._total == 1:
                    self._line(plain(str(event)))
            case _:
                self._line(plain(str(event)))

    def _move(self, trial: str, state: TrialState) -> None:
        if trial in self._states:
            self._in_state[self._states[trial]] -= 1
        self._states[trial] = state
        self._in_state[state] += 1

    def _counts(self) -> str:
        running, queued = self._in_state[TrialState.RUNNING], self._in_state[TrialState.QUEUED]
        done = sum(count for state, count in self._in_state.items() if state.is_finished)
        counts = [f"queued {queued}, running {running}, done {done} of {self._total}"]
        if self._ended:
            counts += [f"{count} {state}" for state, count in sorted(self._ended.items())]
            seconds = (
                (self._clock.monotonic() - self._start) / self._ended.total() * (self._total - self._ended.total())
            )
            counts.append(f"about {timedelta(seconds=round(seconds))} remaining")
        return "; ".join([", ".join(counts), *filter(None, (self._best, self._live))])

    def _note(self, event: TrialEnded) -> None:
        """Count a trial that has ended; with several trials, print its result and any new best trial."""
        self._ended[event.state if event.is_met else "not as expected"] += 1
        if event.result and self._total > 1:
            self._line(plain(f"{event.trial}: {event.result}"))
        if event.best and event.best != self._best:
            self._line(plain(f"{event.best}; {self._ended.total()} of {self._total} done"))
        self._best = event.best

    def _line(self, markup: str) -> None:
        if self._console.is_terminal:
            self._console.print(markup, soft_wrap=True)
        else:  # a sweep prints thousands of lines, and rich needs a millisecond to lay out each
            self._console.file.write(f"{Text.from_markup(markup).plain}\n")
            self._console.file.flush()

    def _update_counts(self) -> None:
        if self._status is not None:  # a file or a pipe shows no counts
            self._update(self._counts())

    def _update(self, text: str) -> None:
        if self._status is not None:
            self._status.update(plain(text))
