"""The section ``azureml`` of a scenario, for Azure Machine Learning only."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from harness.scenario.record import Duration, Record, invalid_fields
from harness.scenario.volumes import VolumeKind


class EnvironmentSpec(Record):
    """The environment of jobs: a container image, and conda packages that are added to it.

    Attributes:
        image: a container image, or the id of an environment of a workspace or registry; default ``job.image``.
        conda: a conda file, relative to the scenario.
    """

    image: str | None = Field(default=None, min_length=1)
    conda: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_something(self) -> "EnvironmentSpec":
        if self.image is None and self.conda is None:
            raise invalid_fields(((), "give image, conda or both"))
        return self


class AzureMlSpec(Record):
    """Options of Azure Machine Learning; other services ignore them.

    Attributes:
        identity: the identity of jobs: that of the user who submits them, or of the compute; default none.
        serverless: whether each job gets its own nodes, without a compute.
        tier: the priority of serverless jobs.
        idle_time: the time after which an idle node of the compute is released.
    """

    environment: EnvironmentSpec | None = None
    identity: Literal["user", "managed"] | None = None
    serverless: bool = False
    tier: Literal["spot", "basic", "standard", "premium"] | None = None
    idle_time: Duration = timedelta(minutes=2)

    @model_validator(mode="after")
    def _fits_together(self) -> "AzureMlSpec":
        if self.tier is not None and not self.serverless:
            raise invalid_fields((("tier",), "only serverless jobs have a tier; add serverless: true"))
        return self


def datastore_name(kind: VolumeKind, name: str) -> str:
    """Return the name of the datastore for a share or a container: letters, digits and underscores.

    The service refused hyphens for a long time. A share and a container may have the same name; the names of their
    datastores differ, because neither name has two hyphens in a row.
    """
    plain = name.replace("-", "_")
    return plain if kind == "share" else f"{plain}__{kind}"
