"""Template deployments, which the emulator refuses by name because it does not run them."""

from harness.emulator.context import Request, Response
from harness.emulator.routing import Route
from harness.emulator.wire import arm_error

_ADDRESS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/{name}"
_TEXT = (
    "The emulator does not run template deployments; create each resource by its own request. For a workspace of Azure "
    "Machine Learning, which azure-ai-ml creates by a template, send a PUT of "
    "Microsoft.MachineLearningServices/workspaces, or use the workspace 'azureml', which every emulator has."
)


def deployment_routes() -> tuple[Route, ...]:
    """The operations on deployments of a resource group."""
    names = {"PUT": "CreateOrUpdate", "GET": "Get", "DELETE": "Delete"}
    routes = [Route(method, _ADDRESS, f"Deployments_{name}", _refuse) for method, name in names.items()]
    return (*routes, Route("POST", f"{_ADDRESS}/validate", "Deployments_Validate", _refuse),
            Route("POST", f"{_ADDRESS}/whatIf", "Deployments_WhatIf", _refuse))  # fmt: skip


def _refuse(request: Request) -> Response:
    if request.method == "GET":
        text = f"Deployment '{request.params['name'][:100]}' could not be found. {_TEXT}"
        return arm_error(404, "DeploymentNotFound", text)
    return arm_error(400, "NotServed", _TEXT)
