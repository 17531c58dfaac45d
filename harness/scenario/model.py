"""The scenario format as frozen records; ``load`` reads them from a file."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from harness.scenario.azureml import AzureMlSpec
from harness.scenario.bound import Bound
from harness.scenario.consistency import mistakes_of
from harness.scenario.document import FieldPath, line_of
from harness.scenario.faults import FaultsSpec
from harness.scenario.record import IDENTIFIER, Duration, Identifier, Record, refused
from harness.scenario.retries import RetrySpec
from harness.scenario.space import Point
from harness.scenario.sweep import SweepSpec
from harness.scenario.trials import Trials
from harness.scenario.values import Scalar
from harness.scenario.volumes import SHARE_NAME, ContainerSpec, ShareSpec, VolumeSpec, is_inside
from harness.target import ServiceName

Toolkit = Literal[
    "cntk", "tensorFlow", "pyTorch", "caffe", "caffe2", "chainer", "horovod", "customMpi", "customToolkit"
]
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"  # Batch AI's names have no dot
_GROUP_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"
LOGGED_METRICS = "metrics.jsonl"
"""The file beside the logs that ``harness.job.log_metric`` writes."""

PATTERNS: Mapping[str, str] = {
    _NAME: "letters, digits, '-' and '_', and does not begin with '-'",
    _GROUP_NAME: "letters, digits, '.', '-' and '_', and neither begins with '.' or '-' nor ends with '.'",
    IDENTIFIER: "letters, digits and '_', and does not begin with a digit",
    SHARE_NAME: "lower-case letters, digits and single hyphens between them",
}
"""What a text that matches a pattern of the format consists of."""

GPUS = "CUDA_VISIBLE_DEVICES"
"""The variable that says which GPUs of its node a process sees, counted from 0."""

Name = Annotated[str, Field(pattern=_NAME, max_length=64)]
GroupName = Annotated[str, Field(pattern=_GROUP_NAME, max_length=90)]


def _size(value: Any) -> str:
    return "node range" if isinstance(value, dict | NodeRange) else "node count"


class NodeRange(Record):
    """An automatically scaled number of nodes."""

    min: int = Field(ge=0)
    max: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_ordered(self) -> "NodeRange":
        if self.min > self.max:
            raise refused((("min",), f"min {self.min} is greater than max {self.max}"))
        return self


class SetupSpec(Record):
    """A command that runs on each node before it is idle, as root; a node on which it fails is unusable.

    Attributes:
        stdouterr: directory that gets what it writes; by default the root of the first share or container.
    """

    command: str = Field(min_length=1)
    stdouterr: str | None = None
    environment: dict[Identifier, str] = Field(default_factory=dict)


class ClusterSpec(Record):
    """A GPU cluster; ``nodes`` is a fixed number or a range to scale in.

    Attributes:
        priority: ``lowpriority`` nodes cost less, and Azure may take them away.
    """

    name: Name
    vm_size: str = "STANDARD_NC6"
    priority: Literal["dedicated", "lowpriority"] = "dedicated"
    setup: SetupSpec | None = None
    nodes: Annotated[
        Annotated[int, Field(ge=1), Tag("node count")] | Annotated[NodeRange, Tag("node range")], Discriminator(_size)
    ] = 1

    @property
    def most_nodes(self) -> int:
        """How many nodes the cluster can have at once."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.max


class OutputSpec(Record):
    """An output directory: ``prefix`` on a mount, ``suffix`` below the job's own directory."""

    prefix: str
    suffix: str = ""

    @model_validator(mode="after")
    def _stays_below(self) -> "OutputSpec":
        if not is_inside(self.suffix):
            raise refused((("suffix",), f"{self.suffix!r} leaves the job's directory; write a path without '..'"))
        return self


# Which toolkits a field of a job is for; the others run what they run in one way.
_COMMANDED: tuple[Toolkit, ...] = ("customToolkit", "customMpi")
_TENSORFLOW: tuple[Toolkit, ...] = ("tensorFlow",)
_TOOLKITS: Mapping[str, tuple[Toolkit, ...]] = {
    "interpreter": ("cntk", "tensorFlow", "pyTorch", "caffe", "caffe2", "chainer", "horovod"),
    "processes": ("cntk", "pyTorch", "caffe", "chainer", "horovod", "customMpi"),
    "workers": _TENSORFLOW,
    "worker_args": _TENSORFLOW,
    "parameter_servers": _TENSORFLOW,
    "parameter_server_args": _TENSORFLOW,
}


class JobSpec(Record):
    """A training job. ``command`` is for ``customToolkit`` and ``customMpi``; the other toolkits run ``script``.

    Attributes:
        interpreter: the Python that runs the script, as a node sees it; by default that of the image.
        processes: on all nodes together; by default one on each.
        workers: TensorFlow's; by default one on each node.
        parameter_servers: TensorFlow's; by default one where the job has several nodes.
    """

    name: Name
    toolkit: Toolkit
    image: str | None = None
    nodes: int = Field(default=1, ge=1)
    script: str | None = None
    args: str = ""
    interpreter: str | None = None
    processes: int | None = Field(default=None, ge=1)
    workers: int | None = Field(default=None, ge=1)
    worker_args: str | None = None
    parameter_servers: int | None = Field(default=None, ge=1)
    parameter_server_args: str | None = None
    command: str | None = None
    inputs: dict[Identifier, str] = Field(default_factory=dict)
    outputs: dict[Identifier, OutputSpec] = Field(default_factory=dict)
    stdouterr: str
    preparation: str | None = None
    environment: dict[Identifier, str] = Field(default_factory=dict)
    gpus: int | None = Field(default=None, ge=0, le=64)

    @model_validator(mode="before")
    @classmethod
    def _sees_its_gpus(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("gpus"), int):
            return data
        own = data.get("environment") or {}
        shown = {GPUS: ",".join(map(str, range(data["gpus"])))}
        return {**data, "environment": {**shown, **own}} if isinstance(own, dict) else data

    @model_validator(mode="after")
    def _has_something_to_run(self) -> "JobSpec":
        wanted = "command" if self.toolkit in _COMMANDED else "script"
        if not getattr(self, wanted):
            raise refused((("toolkit",), f"toolkit {self.toolkit} needs {wanted!r}"))
        misplaced = [
            ((name,), f"toolkit {self.toolkit} takes no {name}; it is for {', '.join(toolkits)}")
            for name, toolkits in _TOOLKITS.items()
            if getattr(self, name) is not None and self.toolkit not in toolkits
        ]
        if misplaced:
            raise refused(*misplaced)
        return self


class MetricSpec(Record):
    """A number that a job writes, over and over: the last one counts, times ``scale``.

    One of ``pattern``, ``key``, ``column`` and ``tag`` says where it is; without any, it is what the job logs under the
    metric's name by ``harness.job.log_metric``.

    Attributes:
        file: a log, or ``OUTPUT/NAME`` of an output directory, where ``*`` stands for anything. Default ``stderr.txt``
            for a pattern, otherwise ``metrics.jsonl``, which ``log_metric`` writes.
        pattern: a regular expression, whose first group is the number.
        key: of the objects in a file of JSON lines; dots lead into objects inside.
        column: of a CSV file whose first line has the names.
        tag: of a scalar in TensorBoard's event files.
        index: the key or column that numbers the steps; where it is absent they count from 1.
    """

    file: str = Field(default="stderr.txt", min_length=1)
    pattern: str | None = None
    key: str | None = Field(default=None, min_length=1)
    column: str | None = Field(default=None, min_length=1)
    tag: str | None = Field(default=None, min_length=1)
    index: str = Field(default="step", min_length=1)
    scale: float = Field(default=1.0, allow_inf_nan=False)
    step: bool = False

    @property
    def is_followed(self) -> bool:
        """Whether it is read while the job runs; the files of output directories are when it has ended."""
        return self.tag is None and "/" not in self.file

    @model_validator(mode="before")
    @classmethod
    def _has_a_file(cls, values: Any) -> Any:
        if isinstance(values, dict) and "pattern" not in values:
            return {"file": LOGGED_METRICS, **values}
        return values

    @model_validator(mode="after")
    def _says_where_once(self) -> "MetricSpec":
        given = [name for name in ("pattern", "key", "column", "tag") if getattr(self, name) is not None]
        if len(given) > 1:
            raise refused(((given[1],), f"a metric has one of pattern, key, column and tag, not {' and '.join(given)}"))
        if self.pattern is None:
            return self
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise refused((("pattern",), f"{self.pattern!r} is no regular expression: {error}")) from None
        if not groups:
            text = f"the pattern {self.pattern!r} needs a group for the number, such as (\\S+)"
            raise refused((("pattern",), text))
        return self


class ExpectSpec(Record):
    """What must come out; ``files`` are globs by output directory."""

    state: Literal["succeeded", "failed"] = "succeeded"
    exit_code: int | None = None
    metrics: dict[Identifier, Bound] = Field(default_factory=dict)
    files: dict[Identifier, tuple[str, ...]] = Field(default_factory=dict)


class Limits(Record):
    """The longest a job may wait and run; ISO 8601 durations."""

    queued: Duration = timedelta(minutes=30)
    running: Duration = timedelta(hours=2)


class Trial(Record):
    """One point of a sweep; ``id`` is ``name=value,...`` in file order, or ``default`` without a sweep.

    Attributes:
        cluster: that it runs on; the trials of most sweeps share one.
    """

    id: str
    parameters: dict[Identifier, Scalar]
    cluster: ClusterSpec
    job: JobSpec
    expect: ExpectSpec


@dataclass(frozen=True, slots=True)
class Origin:
    """What only the loader knows of a scenario: its file, the line of every field, and its trials.

    Attributes:
        trials: those that are known before a run.
        swept: the names that are swept, in file order.
        make: makes a trial of the values of swept names; the trial gets the id, where one is given.
    """

    path: Path
    lines: Mapping[FieldPath, int]
    trials: Trials
    swept: tuple[str, ...]
    make: Callable[[Point, str | None], "Trial"]


class Scenario(Record):
    """One scenario file, with parameters filled in (a swept one by its first value).

    Attributes:
        scope: how long pytest keeps the group, share and cluster: for all trials, or for each its own (``function``).
        base: the file that this one extends, relative to it; what it says is filled in here already.
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
        """The trials that are known before a run, made when needed: the points of the sweep in file order.

        It is one, ``default``, where nothing is swept, and none where a search finds the points while it runs.

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
        """The trial with some values of the swept names.

        Args:
            point: the values.
            name: id of the trial; default: made of the values.

        Raises:
            LookupError: the scenario was not loaded from a file.
            ScenarioError: with these values, the trial cannot work.
        """
        return self._loaded.make(point, name)

    def on(self, cluster: ClusterSpec) -> "Scenario":
        """The scenario with another cluster, such as that of one of its trials."""
        return self if cluster == self.cluster else self.model_copy(update={"cluster": cluster})

    def image_of(self, service: ServiceName) -> str | None:
        """The container image that jobs name on a service."""
        environment = self.azureml.environment
        return (environment.image if environment and service == "azureml" else None) or self.job.image

    @property
    def _loaded(self) -> Origin:
        if self._origin is None:
            raise LookupError("a scenario has trials when it was loaded from a file")
        return self._origin

    @property
    def volumes(self) -> Mapping[FieldPath, VolumeSpec]:
        """All storage that nodes mount, by its field: ``share``, then those of ``shares`` and of ``containers``."""
        first: dict[FieldPath, VolumeSpec] = {} if self.share is None else {("share",): self.share}
        shares = {("shares", index): spec for index, spec in enumerate(self.shares)}
        return first | shares | {("containers", index): spec for index, spec in enumerate(self.containers)}

    @property
    def path(self) -> Path:
        """The file; what it names is relative to its directory."""
        return self._origin.path if self._origin else Path()

    def line(self, *field_path: str | int) -> int:
        """The line of a field, such as ``line("expect", "metrics")``, or of the nearest one around it; from 1."""
        return line_of(self._origin.lines, field_path) if self._origin else 1

    @model_validator(mode="after")
    def _fits_together(self) -> "Scenario":
        if wrong := tuple(mistakes_of(self)):
            raise refused(*wrong)
        return self

    def model_post_init(self, context: Origin | None, /) -> None:
        """Take what ``load`` knows; a file cannot set it."""
        self._origin = context
