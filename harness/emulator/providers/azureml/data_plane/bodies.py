"""The bodies of requests to the data plane; ``rules.body_reading`` checks the rules for all bodies."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from harness.emulator.context import Request
from harness.emulator.providers.azureml.data_plane.errors import DataPlaneError, bad_parameter
from harness.emulator.providers.azureml.rules.bodies import Name, Text, Texts
from harness.emulator.providers.azureml.rules.body_reading import BodyError, Scalar, read_as, read_document

Key = Annotated[str, Meta(max_length=250)]  # MLflow's own limits
TagValue = Annotated[str, Meta(max_length=8000)]
Identifier = Annotated[str, Meta(max_length=1024)]
T = TypeVar("T", bound=msgspec.Struct)


class MlflowLabel(msgspec.Struct, frozen=True):
    """A tag or a parameter."""

    key: Key | None = None
    value: TagValue | int | float | bool | None = None


class MlflowMetric(msgspec.Struct, frozen=True):
    """A value of a metric; 64-bit numbers may be strings, as in JSON of protocol buffers."""

    key: Key | None = None
    value: Scalar = None
    timestamp: Scalar = None
    step: Scalar = None


class MlflowBody(msgspec.Struct, frozen=True):
    """The members of all of MLflow's bodies; a member has the same type in all of them."""

    name: Name | None = None
    experiment_id: Identifier | None = None
    run_id: Identifier | None = None
    run_uuid: Identifier | None = None
    run_name: Name | None = None
    status: Name | None = None
    key: Key | None = None
    value: TagValue | int | float | bool | None = None
    timestamp: Scalar = None
    step: Scalar = None
    metrics: list[MlflowMetric] | None = None
    params: list[MlflowLabel] | None = None
    tags: list[MlflowLabel] | None = None
    filter: Text | None = None
    order_by: list[Name] | None = None
    experiment_ids: list[Identifier] | None = None
    run_view_type: Name | None = None
    max_results: int | str | None = None
    page_token: int | str | None = None


class ArtifactPath(msgspec.Struct, frozen=True):
    """The name of an artifact."""

    path: Annotated[str, Meta(min_length=1, max_length=1024)]


class ArtifactsBody(msgspec.Struct, frozen=True):
    """Artifacts to upload."""

    paths: list[ArtifactPath]


class RunBody(msgspec.Struct, frozen=True, rename="camel"):
    """The members of a run that may be changed, or the id of a run."""

    run_id: Identifier | None = None
    hidden: bool | None = None
    display_name: Name | None = None
    description: Text | None = None
    tags: Texts | None = None
    properties: Texts | None = None


class UrisBody(msgspec.Struct, frozen=True):
    """Ids of assets."""

    values: list[Identifier] | None = None


def history_body(request: Request, kind: type[T]) -> T:
    """The body of a request to run history.

    Raises:
        DataPlaneError: it does not match ``kind``.
    """
    try:
        return read_as(read_document(request.content), kind)
    except BodyError as error:
        raise DataPlaneError(400, "UserError", str(error)) from None


def mlflow_body(request: Request) -> MlflowBody:
    """The body of a request to MLflow's API.

    Raises:
        MlflowError: a member has the wrong type.
    """
    try:
        return read_as(read_document(request.content), MlflowBody)
    except BodyError as error:
        raise bad_parameter(str(error)) from None
