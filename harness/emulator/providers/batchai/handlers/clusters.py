"""The handlers of clusters. Creation and deletion are long-running operations; a resize is not."""

import random
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Cluster, Node, Workspace
from harness.emulator.engine.model.spec import ClusterSpec, VmPriority
from harness.emulator.engine.rules.nodes import preempt_node
from harness.emulator.engine.rules.scaling import new_cluster
from harness.emulator.guids import new_guid
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.resources import FlatResourceHandlers
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_cluster, read_update

_POOLS = 1 << 32  # numbers in the names of nodes


class Clusters(FlatResourceHandlers[Cluster]):
    """Nodes that run jobs."""

    record, parent = Cluster, Workspace
    type_path, parent_path = "clusters", "workspaces"

    def __init__(self, service: Service, addressing: Addressing) -> None:
        super().__init__(service, addressing)
        # Each cluster as a GET last showed it. The service answers a PATCH with the state that it last showed, however
        # old that is (in az's recorded scale scenario, nodes that had run a job were still being allocated).
        self._shown: dict[str, Cluster] = {}

    def show(self, version: Version, resource: Cluster) -> Document:
        """A cluster in the form of an API version."""
        return version.cluster(resource)

    def last_modified(self, resource: Cluster) -> datetime:
        """When the definition was last written."""
        return resource.written

    def deletion_seconds(self, version: Version, resource: Cluster) -> float:
        """The deletion takes longer while the cluster has nodes. Running jobs end; queued jobs stay."""
        times = version.times
        return times.delete_cluster_with_nodes if resource.nodes else times.delete_cluster

    def put(self, request: Request) -> Response:
        """Create a cluster; a PUT with the definition of an existing cluster shows it."""
        version = self.version(request)
        document = read_body(request.content)
        spec, secrets = read_cluster(document, version)
        destination = self._addressing.destination(request, Cluster, document, version)
        existing = self._addressing.get(request, Cluster, version)
        if existing:
            is_same = existing.spec == self._on_network(spec) and self._service.repository.secrets(existing) == secrets
            self.refuse_change(existing, is_same=is_same)
            return self.completed_response(version, existing)
        now, incarnation = self._service.now(), new_guid()
        self._addressing.prepare(destination, now)
        cluster = new_cluster(
            destination.address,
            self._on_network(spec),
            location=destination.location,
            incarnation=incarnation,
            pool=random.randrange(_POOLS),  # noqa: S311 - a name, no secret
            now=now,
            pace=self._service.engine.pace,
        )
        segment = version.segment("cluster", destination.address, incarnation)
        cluster = replace(cluster, tags=destination.tags, task_suffix=segment)
        seconds = version.times.create_cluster
        return self._service.create(request, cluster, version, seconds=seconds, secrets=secrets)

    def patch(self, request: Request) -> Response:
        """Change the scale settings; the response shows them with the previous state."""
        version = self.version(request)
        cluster = self.find(request, version)
        if cluster.deleting:
            raise errors.being_deleted("cluster", cluster.address.name)
        document = read_body(request.content)
        scale, tags = read_update(document, version), parse_tags(document) if version.is_flat else None
        if scale:
            cluster = replace(cluster, spec=replace(cluster.spec, scale_settings=scale))
        if tags is not None:
            cluster = replace(cluster, tags=tags)
        if version.name != "2017-09-01-preview":
            cluster = replace(cluster, written=self._service.now())
        self._service.repository.keep(cluster)
        self._service.engine.wake()
        shown = self._shown.get(cluster.key)
        if shown and shown.incarnation == cluster.incarnation:
            cluster = replace(shown, spec=cluster.spec, tags=cluster.tags, written=cluster.written)
        return self.completed_response(version, cluster)

    def get(self, request: Request) -> Response:
        """Show a cluster, and remember the shown state for ``patch``."""
        cluster = self.find(request, self.version(request))
        self._shown[cluster.key] = cluster
        return super().get(request)

    def delete(self, request: Request) -> Response:
        """Begin to delete a cluster, and forget its shown state."""
        cluster = self._addressing.get(request, Cluster, self.version(request))
        if cluster:
            self._shown.pop(cluster.key, None)
        return super().delete(request)

    def preempt(self, request: Request) -> Response:
        """Take a low-priority node, as Azure does when it needs one. Azure has no such operation; it is for tests."""
        cluster = self.find(request, self.version(request))
        if cluster.spec.vm_priority is not VmPriority.LOW_PRIORITY:
            raise errors.not_preemptible(cluster.address.name)
        after = preempt_node(cluster, self._service.now())
        if after is not None:
            self._service.repository.keep(after)
            self._service.engine.wake()
        return self._service.empty_response(200 if after else 204, is_write=True)

    def remote_login(self, request: Request) -> Response:
        """The addresses at which users log in to the nodes."""
        cluster = self.find(request, self.version(request))
        nodes = [node for node in cluster.nodes if node.state in ("idle", "preparing") and not node.departing]
        return self._service.document_response({"value": [login_address(cluster, node) for node in nodes]})

    def _on_network(self, spec: ClusterSpec) -> ClusterSpec:
        """The definition with a subnet: a cluster that mounts a file server is in the subnet of that server."""
        setup, find = spec.node_setup, self._service.engine.mounts.find_server
        servers = (setup.mount_volumes.file_servers or ()) if setup and setup.mount_volumes else ()
        server = next((server for reference in servers if (server := find(reference.file_server.id))), None)
        return replace(spec, subnet=type(servers[0].file_server)(id=server.subnet)) if server else spec


def login_address(cluster: Cluster, node: Node) -> Document:
    """The login address of a node. It is one reserved for documentation (RFC 5737), because nothing listens there."""
    return {
        "nodeId": node.id,
        "ipAddress": f"203.0.113.{(cluster.pool + node.number) % 254 + 1}",
        "port": 50_000 + cluster.nodes.index(node),
    }
