"""Computes: clusters that grow and shrink with their queue, and compute instances."""

import random
import uuid

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Cluster, Job, Workspace
from harness.emulator.engine.model.spec.clusters import ManualScaleSettings, ScaleSettings
from harness.emulator.engine.rules.durations import seconds
from harness.emulator.engine.rules.scaling import new_cluster
from harness.emulator.providers.arm.rules import parse_location, parse_tags
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.handlers.quotas import Quotas
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.compute import ComputeDetails, node_document, wire
from harness.emulator.providers.azureml.rules.bodies import ComputeBody
from harness.emulator.providers.azureml.rules.computes import bounds, read_compute, read_scale, scale_settings
from harness.emulator.providers.azureml.rules.names import check_compute_name

_CREATE, _UPDATE, _DELETE = 20.0, 10.0, 60.0  # seconds; the first is as recorded
_OPERATIONS = "computeOperationsStatus"
_POOLS = 1 << 32  # numbers in the names of nodes
_PAGE_SIZE = 100  # computes on a page


class Computes:
    """The operations on computes."""

    def __init__(self, service: Service, quotas: Quotas) -> None:
        self._service = service
        self._quotas = quotas

    def put(self, request: Request) -> Response:
        """Create or change a compute: a long-running operation, answered with 201."""
        workspace, name = self._service.workspace(request), request.params["name"]
        check_compute_name(name)
        document = self._service.body(request, ComputeBody)
        location, tags, existing = parse_location(document), parse_tags(document), self._lookup(request, workspace)
        if existing and existing.deleting:
            raise errors.conflict(f"The compute {name} is being deleted.")
        now = self._service.now()
        requested = read_compute(document, now, self._details(existing).created if existing else None)
        if existing is None:
            cluster = new_cluster(
                workspace.address.child(name),
                requested.spec,
                location=location,
                incarnation=str(uuid.uuid4()),
                pool=random.randrange(_POOLS),  # noqa: S311 - a name, no secret
                now=now,
                pace=self._service.engine.pace,
            )
        else:
            cluster = replace(existing, spec=replace(requested.spec, vm_size=existing.spec.vm_size), written=now)
        cluster = replace(cluster, tags=tags, shrink_after=requested.shrink_after, grow_after=0.0)
        details = requested.details
        problem = self._quotas.creation_problem(cluster, cluster.spec, details.min_nodes)
        if problem and existing:
            cluster, details = existing, self._details(existing)  # the compute did not change
        elif problem:
            cluster, details = _failed_cluster(cluster), replace(details, problem=problem)
        self._service.repository.store.put(cluster.key, details)
        operation = self._service.engine.operations.create(
            cluster, target=name, seconds=_UPDATE if existing else _CREATE, problem=problem
        )
        body = wire(cluster, details, is_new=True)
        return self._service.accepted(request, operation.id, _OPERATIONS, cluster.location, status=201, document=body)

    def patch(self, request: Request) -> Response:
        """Change the scale settings."""
        cluster = self.find(request)
        minimum, maximum, idle_time = bounds(read_scale(self._service.body(request, ComputeBody)))
        if self._details(cluster).problem:
            raise errors.conflict(f"The compute {cluster.address.name} has failed; create it again.")
        now = self._service.now()
        details = replace(
            self._details(cluster), min_nodes=minimum, max_nodes=maximum, idle_time=idle_time, modified=now
        )
        spec = replace(cluster.spec, scale_settings=scale_settings(minimum, maximum))
        shrink = seconds(idle_time) if idle_time else cluster.shrink_after
        cluster = replace(cluster, spec=spec, shrink_after=shrink, written=now)
        self._service.repository.store.put(cluster.key, details)
        self._service.repository.keep(cluster)
        self._service.engine.wake()
        return self._service.document(wire(cluster, details))

    def get(self, request: Request) -> Response:
        """Show a compute."""
        cluster = self.find(request)
        return self._service.document(wire(cluster, self._details(cluster)))

    def list(self, request: Request) -> Response:
        """The computes of a workspace, without the clusters that the service created for single jobs."""
        workspace = self._service.workspace(request)
        stored = self._service.repository.store.list(Cluster, f"{workspace.key}/computes/")
        clusters = [cluster for _, cluster in stored if not cluster.made_for]
        return self._service.page(
            request, clusters, lambda cluster: wire(cluster, self._details(cluster)), size=_PAGE_SIZE
        )

    def delete(self, request: Request) -> Response:
        """Delete a compute; the jobs that run on it are cancelled."""
        action = request.query.get("underlyingresourceaction", "")
        if action.lower() not in ("delete", "detach"):
            raise errors.invalid("underlyingResourceAction is required: Delete or Detach.", "ArgumentInvalid")
        workspace = self._service.workspace(request)
        cluster = self._lookup(request, workspace)
        if cluster is None:
            return Response(204)
        operation = self._service.engine.operations.delete(cluster, target=cluster.address.name, seconds=_DELETE)
        return self._service.accepted(request, operation, _OPERATIONS, cluster.location)

    def list_nodes(self, request: Request) -> Response:
        """The nodes, with the job that runs on each."""
        cluster = self.find(request)
        store = self._service.repository.store
        nodes = []
        for number, node in enumerate(cluster.nodes):
            job = store.get(Job, node.job) if node.job else None
            nodes.append(node_document(node, number, job.address.name if job else None))
        return self._service.document({"computeType": self._details(cluster).type, "nodes": nodes})

    def start(self, request: Request) -> Response:
        """Start a compute instance."""
        return self._power(request, 1)

    def stop(self, request: Request) -> Response:
        """Stop a compute instance."""
        return self._power(request, 0)

    def restart(self, request: Request) -> Response:
        """Restart a compute instance; a running one does not change."""
        return self._power(request, 1)

    def find(self, request: Request) -> Cluster:
        """The compute that a path names.

        Raises:
            GatewayError: it does not exist.
        """
        cluster = self._lookup(request, self._service.workspace(request))
        if cluster is None:
            raise errors.compute_not_found(request.params["name"])
        return cluster

    def _power(self, request: Request, nodes: int) -> Response:
        cluster = self.find(request)
        if self._details(cluster).type != "ComputeInstance" or self._details(cluster).problem:
            raise errors.invalid(
                f"The compute {cluster.address.name} is not a working compute instance.", "ArgumentInvalid"
            )
        scale = ScaleSettings(manual=ManualScaleSettings(target_node_count=nodes))
        changed = replace(cluster, spec=replace(cluster.spec, scale_settings=scale))
        operation = self._service.engine.operations.create(changed, target=cluster.address.name, seconds=_UPDATE)
        return self._service.accepted(request, operation.id, _OPERATIONS, cluster.location)

    def _lookup(self, request: Request, workspace: Workspace) -> Cluster | None:
        key = workspace.address.child(request.params["name"]).key("cluster")
        return self._service.repository.store.get(Cluster, key)

    def _details(self, cluster: Cluster) -> ComputeDetails:
        details = self._service.repository.store.get(ComputeDetails, cluster.key)
        if details is None:
            raise LookupError(cluster.key)
        return details


def _failed_cluster(cluster: Cluster) -> Cluster:
    """A compute whose creation failed; it exists but never has a node."""
    spec = replace(cluster.spec, scale_settings=scale_settings(0, 0))
    return replace(cluster, spec=spec, target=0, growing=None, allocation="steady")
