"""One trial from submission to outcome, over the clients of its own story."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime

from harness.errors import JobError
from harness.experiments.checks import Observed, check, directories_of
from harness.experiments.decide import TrialView
from harness.experiments.folder import TrialFolder
from harness.experiments.log import LogReader
from harness.experiments.metrics import read_metrics
from harness.experiments.outcomes import Outcome, versions
from harness.experiments.stage import Site, Stage
from harness.experiments.state import TrialState, moved
from harness.experiments.submission import job_parameters
from harness.resources import Job, JobOutput, JobView, OutputFile
from harness.resources.events import TrialMoved
from harness.resources.job import command_of
from harness.resources.output import STDOUTERR
from harness.resources.refusals import refusals
from harness.scenario.model import JobSpec, Scenario, Trial
from harness.scenario.names import job_name

_NUMBER = re.compile(r"\d+")
_TOOLKIT = re.compile(r"toolkit: (.+)")
_ON_CPU = "the job runs on the CPU"


class Attempt:
    """A trial's job, from ``submit`` to ``close``, which deletes it."""

    def __init__(self, stage: Stage, site: Site, scenario: Scenario, trial: Trial, folder: TrialFolder) -> None:
        self.trial = trial
        self.state = TrialState.WAITING
        self._stage, self._site, self._scenario, self._folder = stage, site, scenario, folder
        self._since = self._submitted = 0.0
        self._returns = 0
        self._stopped = ""
        self._last: JobView | None = None
        self._story = ExitStack()

    def submit(self) -> None:
        """Submit the job; nothing is left of it when that fails.

        Raises:
            JobError: the service refuses the job.
        """
        with ExitStack() as stack:
            made = stack.enter_context(self._stage.provisioning(f"{self._scenario.scenario}/{self.trial.id}"))
            self._job = Job(
                made,
                group=self._site.group,
                workspace=self._site.workspace,
                experiment=self._site.experiment,
                name=job_name(self.trial.job.name, self.trial.id),
                parameters=job_parameters(
                    self.trial.job, cluster_id=self._site.cluster_id, limits=self._scenario.limits
                ),
            )
            self._output = JobOutput(self._job)
            self._log = LogReader(self._output, self.trial.id, self._scenario.metrics, self._stage.sink)
            stack.enter_context(self._job)
            self._story = stack.pop_all()
        self._move("queued")

    def close(self, error: BaseException | None = None) -> None:
        """Delete the job and end its story, which is recorded unless the run ends in ``error``."""
        self._story.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def view(self) -> TrialView:
        """What decisions are made from."""
        return TrialView(
            self.trial.id,
            self.state,
            self.trial.job.nodes,
            self._since,
            submitted=self._submitted,
            returns=self._returns,
            is_stopping=bool(self._stopped),
        )

    @property
    def job(self) -> str:
        """The name of its job."""
        return self._job.name

    def look_all(self) -> Mapping[str, JobView]:
        """Every job of the experiment, by name."""
        return self._job.look_all()

    def observe(self, jobs: Mapping[str, JobView]) -> bool:
        """Take what the service tells of this trial's job; whether it moved.

        Raises:
            JobError: the job is gone, or is not the one that was asked for.
        """
        view = jobs.get(self._job.name)
        if view is None:
            raise JobError(f"job {self._job.name} is gone from experiment {self._site.experiment}; was it deleted?")
        asked = command_of(self._job.parameters)
        if view.command != asked:
            raise JobError(
                f"job {self._job.name} runs {' '.join(view.command)!r}, not {' '.join(asked)!r}: it was made with "
                "other parameters; in a replay, record it again with: pytest --cloud emulator --record"
            )
        self._last = view
        has_moved = self._move(view.state)
        if self.state is TrialState.RUNNING:
            self._log.stream()
        return has_moved

    def stop(self, reason: str) -> None:
        """Have the job terminated; its outcome tells why.

        Raises:
            JobError: the service refuses.
        """
        self._stopped = reason
        with refusals(f"terminate job {self._job.name}", self._stage.cloud.name, otherwise=JobError):
            self._job.provisioning.clients.batchai.jobs.begin_terminate(*self._job.address, polling=False)

    def collect(self) -> Outcome:
        """Fetch the files of a job that has ended and judge what came out.

        Raises:
            JobError: the service does not give them.
        """
        view = self._last
        if view is None:
            raise JobError(f"job {self._job.name} has not been looked at yet")
        files = {directory: self._output.files(directory) for directory in directories_of(self._scenario)}
        logs = self._download(files)
        self._log.finish(logs)
        metrics, series = read_metrics(self._scenario.metrics, logs)
        names = {directory: [file.name for file in found] for directory, found in files.items()}
        errors = (*([self._stopped] if self._stopped else []), *view.errors)
        observed = Observed(view.state, view.exit_code, metrics, names, errors)
        return Outcome(
            scenario=self._scenario.scenario,
            trial=self.trial.id,
            parameters=dict(self.trial.parameters),
            state=view.state,
            exit_code=view.exit_code,
            metrics=metrics,
            series=series,
            durations=_durations(view),
            files=names,
            directory=self._folder.name,
            data=self._site.data,
            toolkit=toolkit_of(logs, self.trial.job),
            cloud=self._stage.cloud.name,
            versions=versions(),
            errors=errors,
            unmet=check(self.trial.expect, observed, self._scenario),
        )

    def _move(self, told: str) -> bool:
        new = moved(self.state, told)
        if new is self.state:
            return False
        self._since = self._stage.cloud.clock.monotonic()
        if self.state is TrialState.WAITING:
            self._submitted = self._since
        elif new is TrialState.QUEUED:
            self._returns += 1
        self.state = new
        self._stage.sink(TrialMoved(self.trial.id, self._job.name, new.value))
        return True

    def _download(self, files: Mapping[str, tuple[OutputFile, ...]]) -> dict[str, str]:
        """Logs by name; every file that is wanted is in the folder."""
        logs: dict[str, str] = {}
        for directory, found in files.items():
            is_log = directory == STDOUTERR
            for file in found if is_log else newest_versions(found):
                target = self._folder.path / (file.name if is_log else f"{directory}/{file.name}")
                self._output.download(file, target)
                if is_log:
                    logs[file.name] = target.read_text(encoding="utf-8", errors="replace")
        return logs


def newest_versions(files: tuple[OutputFile, ...]) -> list[OutputFile]:
    """The files, and of those that differ in numbers only, such as ``net_1.dnn`` and ``net_12.dnn``, the highest."""
    families: dict[str, OutputFile] = {}
    for file in sorted(files, key=lambda file: [int(number) for number in _NUMBER.findall(file.name)]):
        families[_NUMBER.sub("#", file.name)] = file
    return sorted(families.values(), key=lambda file: file.name)


def toolkit_of(logs: Mapping[str, str], job: JobSpec) -> str:
    """What really trained, as the execution log tells; where it does not, what was asked for."""
    told = "\n".join(text for name, text in logs.items() if name.startswith("execution"))
    found = _TOOLKIT.search(told)
    name = found[1].strip() if found else " in ".join(filter(None, (job.toolkit, job.image)))
    return f"{name}, on the CPU" if _ON_CPU in told else name


def _durations(view: JobView) -> dict[str, float]:
    steps: dict[str, tuple[datetime | None, datetime | None]] = {
        "queued": (view.created, view.started),
        "running": (view.started, view.ended),
    }
    return dict(_seconds(steps))


def _seconds(steps: Mapping[str, tuple[datetime | None, datetime | None]]) -> Iterator[tuple[str, float]]:
    for name, (begin, end) in steps.items():
        if begin is not None and end is not None:
            yield name, round((end - begin).total_seconds(), 3)
