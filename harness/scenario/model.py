"""The scenario format as frozen records; ``load`` reads them from a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from harness.scenario.azureml import AzureMlSpec
from harness.scenario.bound import Bound
from harness.scenario.cluster import ClusterSpec
from harness.scenario.consistency import mistakes_of
from harness.scenario.document import FieldPath, line_of
from harness.scenario.faults import FaultsSpec
from harness.scenario.job import JobSpec
from harness.scenario.metric import MetricSpec
from harness.scenario.record import Duration, Identifier, Record, invalid_fields
from harness.scenario.resource_names import GroupName, Name
from harness.scenario.retries import RetrySpec
from harness.scenario.space import Point
from harness.scenario.sweep import SweepSpec
from harness.scenario.trials import Trials
from harness.scenario.values import Scalar
from harness.scenario.volumes import ContainerSpec, ShareSpec, VolumeSpec
from harness.target import ServiceName


class ExpectSpec(Record):
    """The expected result of a job; ``files`` are globs by output directory."""

    state: Literal["succeeded", "failed"] = "succeeded"
    exit_code: int | None = None
    metrics: dict[Identifier, Bound] = Field(default_factory=dict)
    files: dict[Identifier, tuple[str, ...]] = Field(default_factory=dict)


class Limits(Record):
    """The longest times that a job may be queued and run; ISO 8601 durations."""

    queued: Duration = timedelta(minutes=30)
    running: Duration = timedelta(hours=2)


class Trial(Record):
    """A point of a sweep; ``id`` is ``name=value,...`` in file order, or ``default`` without a sweep.

    Attributes:
        cluster: the cluster that the trial runs on; the trials of most sweeps share one.
    """

    id: str
    parameters: dict[Identifier, Scalar]
    cluster: ClusterSpec
    job: JobSpec
    expect: ExpectSpec


@dataclass(frozen=True, slots=True)
class Origin:
    """Facts about a scenario that the loader provides: its file, the line of every field, and its trials.

    Attributes:
        trials: the trials that are known before a run.
        swept: the names that are swept, in file order.
        make: makes a trial from values of the swept names, with the id if one is given.
    """

    path: Path
    lines: Mapping[FieldPath, int]
    trials: Trials
    swept: tuple[str, ...]
    make: Callable[[Point, str | None], "Trial"]


class Scenario(Record):
    """A scenario file with its parameters filled in; a swept parameter has its first value.

    Attributes:
        scope: whether all trials share the group, share and cluster in pytest, or each has its own (``function``).
        base: the scenario that this one extends, relative to its file; it is already merged into this record.
    """

    scenario: Name
    base: str | None = Field(default=None, min_length=1)
    description: str = ""
    location: str = "eastus"
    resource_group: GroupName
    share: ShareSpec | None = None
    shares: tuple[ShareSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()
    cluster: ClusterSpec
    job: JobSpec
    parameters: dict[Identifier, Scalar] = Field(default_factory=dict)
    sweep: SweepSpec = Field(default_factory=SweepSpec)
    metrics: dict[Identifier, MetricSpec] = Field(default_factory=dict)
    expect: ExpectSpec = Field(default_factory=ExpectSpec)
    limits: Limits = Field(default_factory=Limits)
    retries: RetrySpec = Field(default_factory=RetrySpec)
    faults: FaultsSpec = Field(default_factory=FaultsSpec)
    azureml: AzureMlSpec = Field(default_factory=AzureMlSpec)
    scope: Literal["session", "function"] = "session"

    _origin: Origin | None = PrivateAttr(default=None)

    @property
    def trials(self) -> Trials:
        """The trials that are known before a run, created when needed: the points of the sweep in file order.

        Without a sweep there is one trial, ``default``; with a search there are none, because it chooses its points
        during the run.

        Raises:
            LookupError: the scenario was not loaded from a file.
        """
        return self._loaded.trials

    @property
    def swept(self) -> tuple[str, ...]:
        """The names that are swept, in file order.

        Raises:
            LookupError: the scenario was not loaded from a file.
        """
        return self._loaded.swept

    def trial(self, point: Point, name: str | None = None) -> Trial:
        """Return the trial with some values of the swept names.

        Args:
            point: the values.
            name: id of the trial; by default derived from the values.

        Raises:
            LookupError: the scenario was not loaded from a file.
            ScenarioError: with these values, the trial cannot work.
        """
        return self._loaded.make(point, name)

    def on(self, cluster: ClusterSpec) -> "Scenario":
        """Return the scenario with another cluster, such as that of a trial."""
        return self if cluster == self.cluster else self.model_copy(update={"cluster": cluster})

    def image_of(self, service: ServiceName) -> str | None:
        """Return the container image that jobs name on a service."""
        environment = self.azureml.environment
        return (environment.image if environment and service == "azureml" else None) or self.job.image

    @property
    def _loaded(self) -> Origin:
        if self._origin is None:
            raise LookupError("only a scenario that was loaded from a file has trials")
        return self._origin

    @property
    def volumes(self) -> Mapping[FieldPath, VolumeSpec]:
        """All volumes that nodes mount, by field: ``share``, then those of ``shares`` and of ``containers``."""
        first: dict[FieldPath, VolumeSpec] = {} if self.share is None else {("share",): self.share}
        shares = {("shares", index): spec for index, spec in enumerate(self.shares)}
        return first | shares | {("containers", index): spec for index, spec in enumerate(self.containers)}

    @property
    def path(self) -> Path:
        """The path of the file; paths in the scenario are relative to its directory."""
        return self._origin.path if self._origin else Path()

    def line(self, *field_path: str | int) -> int:
        """Return the line of a field, such as ``line("expect", "metrics")``, or of the nearest field around it."""
        return line_of(self._origin.lines, field_path) if self._origin else 1

    @model_validator(mode="after")
    def _fits_together(self) -> "Scenario":
        if wrong := tuple(mistakes_of(self)):
            raise invalid_fields(*wrong)
        return self

    def model_post_init(self, context: Origin | None, /) -> None:
        """Store the facts from ``load``; a file cannot set them."""
        self._origin = context
