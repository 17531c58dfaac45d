"""The services of the data plane that the emulator does not play; each is refused by name, with an alternative."""

from dataclasses import dataclass

from harness.emulator.context import Request, Response
from harness.emulator.providers.azureml.data_plane.errors import MlflowError, history_error
from harness.emulator.providers.azureml.errors import not_served


@dataclass(frozen=True, slots=True)
class RefusedService:
    """A refused service, or a refused part of MLflow's API.

    Attributes:
        segment: the first segment of its paths, or the one behind MLflow's prefix, in lower case.
        feature: its name in a sentence.
        alternative: what the user can do instead.
    """

    segment: str
    feature: str
    alternative: str


_MODELS = "register the model by MLClient.models, or name the output of a job"
REFUSED_SERVICES = (
    RefusedService("execution", "submissions by the SDK v1", "submit a command job, as azure-ai-ml does"),
    RefusedService("hyperdrive", "HyperDrive", "submit a command job for each point, or run a sweep of harness"),
    RefusedService("datastore", "datastores of the SDK v1", "use the datastores of Resource Manager"),
    RefusedService("modelmanagement", "models of the SDK v1", _MODELS),
)
REFUSED_PARTS_OF_MLFLOW = (
    RefusedService("registered-models", "MLflow's model registry", _MODELS),
    RefusedService("model-versions", "MLflow's model registry", _MODELS),
    RefusedService("logged-models", "MLflow's logged models", "log the files of the model as artifacts"),
)
_SERVICES = {service.segment: service for service in REFUSED_SERVICES}
_PARTS = {service.segment: service for service in REFUSED_PARTS_OF_MLFLOW}


def refusal_of(request: Request) -> Response:
    """The response to a request without a route; features of the service are refused by name."""
    segments = request.path.lower().strip("/").split("/")
    if service := _SERVICES.get(segments[0]):
        return history_error(400, "NotServed", str(not_served(service.feature, service.alternative)))
    if segments[0] == "mlflow" and "mlflow" in segments[1:-1]:
        part = _PARTS.get(segments[segments.index("mlflow", 1) + 1])
        if part is not None:
            return MlflowError(501, "NOT_IMPLEMENTED", str(not_served(part.feature, part.alternative))).response()
    return history_error(404, "NotFound", f"The emulator serves no {request.method} {request.path[:200]}.")
