"""The handlers of a subscription: polls of operations, quotas, and the list of operations."""

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.engine.model.records import Cluster, Job
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.service import VERSIONS, Service
from harness.emulator.providers.batchai.model.version import Document
from harness.emulator.providers.batchai.rules.usages import usages
from harness.emulator.wire import timestamp

_MANAGEMENT = "https://management.azure.com"
_TYPES = {  # in the names of operations, and in descriptions
    "workspaces": "workspace",
    "workspaces/experiments": "experiment",
    "workspaces/clusters": "cluster",
    "workspaces/fileservers": "file server",
    "workspaces/experiments/jobs": "job",
}
_VERBS = (("read", "List or get", "Lists or gets"), ("write", "Create or update", "Creates or updates"),
          ("delete", "Delete", "Deletes"))  # fmt: skip
_ACTIONS = (
    ("workspaces/clusters", "remoteLoginInformation", "List {} remote-login information"),
    ("workspaces/experiments/jobs", "terminate", "Terminate {}"),
    ("workspaces/experiments/jobs", "remoteLoginInformation", "List {} remote-login information"),
)


class Subscription:
    """The handlers of a subscription."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def poll(self, request: Request) -> Response:
        """The state of a long-running operation."""
        self._service.version(request, "locations/operationresults", *VERSIONS)
        name = request.params["operation"]
        operation = self._service.engine.operations.find(request.params["subscription"], name)
        if operation is None:
            raise errors.operation_not_found(name)
        base = f"{_MANAGEMENT}/subscriptions/{operation.subscription}/providers/{BATCH_AI}"
        document: Document = {
            "id": f"{base}/locations/{operation.location}/operationresults/{operation.id}",
            "name": operation.id,
            "status": "Succeeded" if operation.ended else "InProgress",
            "startTime": timestamp(operation.started),
        }
        if operation.ended:
            document |= {"endTime": timestamp(operation.ended), "properties": {"resourceId": operation.target}}
        return self._service.document_response(document)

    def usages(self, request: Request) -> Response:
        """How much of a region's quotas is in use."""
        version = self._service.version(request, "locations/usages", "2018-05-01", "2018-03-01")
        location, repository = request.params["location"].lower(), self._service.repository
        clusters = (repository.store.get(Cluster, key) for key in repository.clusters)
        located = {
            cluster.key: cluster
            for cluster in clusters
            if cluster and cluster.location == location and cluster.address.namespace == BATCH_AI
        }
        active = (repository.store.get(Job, key) for key in repository.active)
        running = sum(1 for job in active if job and job.cluster in located)
        queued = sum(len(repository.queues[key]) for key in located.keys() & repository.queues.keys())
        return self._service.document_response({"value": usages(located.values(), running + queued, version)})

    def operations(self, request: Request) -> Response:
        """The operations of the provider, as role definitions name them."""
        self._service.version(request, "operations", *VERSIONS)
        rows = [
            _operation(f"{type_}/{verb}", noun, f"{title} Batch AI {noun}", f"{description} Batch AI {noun}s")
            for type_, noun in _TYPES.items()
            for verb, title, description in _VERBS
        ]
        for type_, action, text in _ACTIONS:
            sentence = text.format(f"Batch AI {_TYPES[type_]}")
            rows.append(_operation(f"{type_}/{action}/action", _TYPES[type_], sentence, sentence))
        return self._service.document_response({"value": rows})


def _operation(name: str, noun: str, operation: str, description: str) -> Document:
    display = {
        "provider": "Microsoft Batch AI",
        "resource": f"Batch AI {noun.title()}s",
        "operation": operation,
        "description": description,
    }
    return {"name": f"{BATCH_AI}/{name}", "display": display, "origin": "user,system"}
