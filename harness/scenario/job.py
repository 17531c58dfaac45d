"""The job of a scenario: what runs, on which toolkit, and where it writes."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.scenario.record import Identifier, Record, invalid_fields
from harness.scenario.resource_names import Name
from harness.scenario.volumes import is_inside

Toolkit = Literal[
    "cntk", "tensorFlow", "pyTorch", "caffe", "caffe2", "chainer", "horovod", "customMpi", "customToolkit"
]
GPUS = "CUDA_VISIBLE_DEVICES"
"""The variable with the GPUs of its node that a process sees, counted from 0."""


class OutputSpec(Record):
    """An output directory: ``prefix`` on a mount, ``suffix`` below the job's own directory."""

    prefix: str
    suffix: str = ""

    @model_validator(mode="after")
    def _stays_below(self) -> "OutputSpec":
        if not is_inside(self.suffix):
            raise invalid_fields(
                (("suffix",), f"{self.suffix!r} leaves the job's directory; write a path without '..'")
            )
        return self


# The toolkits that accept a field of a job.
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
        interpreter: the path of the Python that runs the script, on the node; by default that of the image.
        processes: the number of processes on all nodes together; by default one on each node.
        workers: the number of TensorFlow's workers; by default one on each node.
        parameter_servers: the number of TensorFlow's parameter servers; by default one if the job has several nodes.
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
        visible = {GPUS: ",".join(map(str, range(data["gpus"])))}
        return {**data, "environment": {**visible, **own}} if isinstance(own, dict) else data

    @model_validator(mode="after")
    def _has_something_to_run(self) -> "JobSpec":
        required = "command" if self.toolkit in _COMMANDED else "script"
        if not getattr(self, required):
            raise invalid_fields((("toolkit",), f"toolkit {self.toolkit} needs {required!r}"))
        misplaced = [
            ((name,), f"toolkit {self.toolkit} has no {name}; it is for {', '.join(toolkits)}")
            for name, toolkits in _TOOLKITS.items()
            if getattr(self, name) is not None and self.toolkit not in toolkits
        ]
        if misplaced:
            raise invalid_fields(*misplaced)
        return self
