"""The part of a scenario that only Azure Machine Learning has."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from harness.scenario.record import Duration, Record, refused
from harness.scenario.volumes import VolumeKind


class EnvironmentSpec(Record):
    """What jobs run in: an image, and what conda adds to it.

    Attributes:
        image: of a container, or the id of an environment of a workspace or registry; default ``job.image``.
        conda: a conda file, relative to the scenario.
    """

    image: str | None = Field(default=None, min_length=1)
    conda: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_something(self) -> "EnvironmentSpec":
        if self.image is None and self.conda is None:
            raise refused(((), "give image, conda or both"))
        return self


class AzureMlSpec(Record):
    """What only Azure Machine Learning has; on another service it has no effect.

    Attributes:
        identity: whose rights jobs have: those of the user who submits them, or of the compute; default none.
        serverless: nodes are made for each job, and no compute is.
        tier: the priority of serverless jobs.
        idle_time: after which an idle node of the compute is released.
    """

    environment: EnvironmentSpec | None = None
    identity: Literal["user", "managed"] | None = None
    serverless: bool = False
    tier: Literal["spot", "basic", "standard", "premium"] | None = None
    idle_time: Duration = timedelta(minutes=2)

    @model_validator(mode="after")
    def _fits_together(self) -> "AzureMlSpec":
        if self.tier is not None and not self.serverless:
            raise refused((("tier",), "only serverless jobs have a tier; add serverless: true"))
        return self


def datastore_name(kind: VolumeKind, name: str) -> str:
    """The datastore for a share or a container: letters, digits and underscores; the service refused hyphens for long.

    A share and a container may have the same name; no name of either has two hyphens in a row.
    """
    plain = name.replace("-", "_")
    return plain if kind == "share" else f"{plain}__{kind}"
