"""The operations that the emulator does not play; each is refused by name, with an alternative."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import MACHINE_LEARNING
from harness.emulator.providers.azureml.errors import not_served
from harness.emulator.providers.azureml.model.asset import KINDS
from harness.emulator.routing import Handler, Route

_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
_DEEPEST = 5  # segments below a collection
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{MACHINE_LEARNING}"
_WORKSPACE = _GROUP + "/workspaces/{workspace}"
_LOCATION = f"/subscriptions/{{subscription}}/providers/{MACHINE_LEARNING}/locations/{{location}}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused collection, or a single refused operation if ``method`` is set.

    Attributes:
        path: its path below a workspace.
        feature: its name in a sentence.
        alternative: what the user can do instead.
    """

    path: str
    feature: str
    alternative: str
    method: str = ""


_WORKSPACE_ASSETS = "use the assets of a workspace"
_ENDPOINTS = "load the model in a job, or serve it yourself"
REFUSALS = (
    Refusal("connections", "connections", "give a job what it needs in its environmentVariables"),
    Refusal("components", "components", "submit the component's command as a command job"),
    Refusal("schedules", "schedules", "start the job from your own scheduler"),
    Refusal("onlineEndpoints", "online endpoints", _ENDPOINTS),
    Refusal("batchEndpoints", "batch endpoints", _ENDPOINTS),
    Refusal("serverlessEndpoints", "serverless endpoints", _ENDPOINTS),
    Refusal("endpoints", "endpoints", _ENDPOINTS),
    Refusal("inferencePools", "inference pools", _ENDPOINTS),
    Refusal("featuresets", "feature sets", "read the data of the features as a data asset"),
    Refusal("featurestoreEntities", "feature store entities", "read the data of the features as a data asset"),
    Refusal("marketplaceSubscriptions", "marketplace subscriptions", "use images of your own"),
    Refusal("outboundRules", "outbound rules of managed networks", "leave them out: there is no network to close"),
    Refusal("privateEndpointConnections", "private endpoints", "leave them out: there is no private network"),
    Refusal("privateLinkResources", "private links", "leave them out: there is no private network"),
    Refusal("diagnose", "the diagnosis of a workspace", "see 'harness doctor'", "POST"),
    Refusal("prepareNotebook", "notebooks", "run them in a Jupyter of your own", "POST"),
    Refusal("listNotebookKeys", "notebooks", "run them in a Jupyter of your own", "POST"),
    Refusal("listNotebookAccessToken", "notebooks", "run them in a Jupyter of your own", "POST"),
    Refusal("resyncKeys", "the synchronisation of keys", "leave it out: the keys are always the present ones", "POST"),
    Refusal("listStorageAccountKeys", "this list of keys", "use listKeys of the workspace", "POST"),
    Refusal("computes/{name}/listKeys", "the keys of attached computes", "use AmlCompute", "POST"),
    *(
        Refusal(f"{kind.type}/{{name}}/versions/{{version}}/publish", "registries", _WORKSPACE_ASSETS, "POST")
        for kind in KINDS
    ),
)


def refusal_routes() -> Iterator[Route]:
    """The routes of all refusals."""
    for refusal in REFUSALS:
        operation, handler = f"NotServed_{refusal.path}", _refusal_handler(refusal)
        if refusal.method:
            yield Route(refusal.method, f"{_WORKSPACE}/{refusal.path}", operation, handler)
        else:
            yield from _collection(f"{_WORKSPACE}/{refusal.path}", operation, handler)
    registries = Refusal("registries", "registries", _WORKSPACE_ASSETS)
    yield from _collection(f"{_GROUP}/registries", "NotServed_registries", _refusal_handler(registries))
    quotas = Refusal("updateQuotas", "quotas of single workspaces", "start the emulator with --quota", "POST")
    yield Route("POST", f"{_LOCATION}/updateQuotas", "NotServed_updateQuotas", _refusal_handler(quotas))
    listing = Refusal("operations", "the list of operations", "see its documentation", "GET")
    yield Route("GET", f"/providers/{MACHINE_LEARNING}/operations", "NotServed_operations", _refusal_handler(listing))


def _collection(path: str, operation: str, handler: Handler) -> Iterator[Route]:
    for depth in range(_DEEPEST + 1):
        below = "".join(f"/{{segment{number}}}" for number in range(depth))
        yield from (Route(method, path + below, operation, handler) for method in _METHODS)


def _refusal_handler(refusal: Refusal) -> Handler:
    def refuse(request: Request) -> Response:
        del request
        raise not_served(refusal.feature, refusal.alternative)

    return refuse
