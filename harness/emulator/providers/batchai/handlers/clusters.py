"""The handlers of clusters. Creation and deletion are long-running operations, a resize is not."""

import random
from datetime import datetime

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Cluster, Node, Workspace
from harness.emulator.engine.model.spec import ClusterSpec, VmPriority
from harness.emulator.engine.rules.nodes import preempted
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
    words, above = "clusters", "workspaces"

    def __init__(self, service: Service, addressing: Addressing) -> None:
        super().__init__(service, addressing)
        # Each cluster as a GET last showed it. The service answered a PATCH with the state that it had shown last,
        # however old (az's recorded scale scenario: nodes that had run a job were still being allocated).
        self._shown: dict[str, Cluster] = {}

    def show(self, version: Version, resource: Cluster) -> Document:
        """A cluster as an API version writes it."""
        return version.cluster(resource)

    def written(self, resource: Cluster) -> datetime:
        """When its definition was last written."""
        return resource.written

    def deletion_seconds(self, version: Version, resource: Cluster) -> float:
        """Jobs that run on the cluster end, those that wait for it stay; nodes take their time."""
        times = version.times
        return times.delete_cluster_with_nodes if resource.nodes else times.delete_cluster

    def put(self, request: Request) -> Response:
        """Create a cluster; a PUT with the definition of an existing cluster shows that."""
        version = self.version(request)
        document = read_body(request.content)
        spec, secrets = read_cluster(document, version)
        destination = self._addressing.destination(request, Cluster, document, version)
        found = self._addressing.get(request, Cluster, version)
        if found:
            is_same = found.spec == self._on_network(spec) and self._service.repository.secrets(found) == secrets
            self.refuse_change(found, is_same=is_same)
            return self.shown(version, found)
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
        """Change the scale settings; the response shows them with the state from before."""
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
        seen = self._shown.get(cluster.key)
        if seen and seen.incarnation == cluster.incarnation:
            cluster = replace(seen, spec=cluster.spec, tags=cluster.tags, written=cluster.written)
        return self.shown(version, cluster)

    def get(self, request: Request) -> Response:
        """Show a cluster, and remember what was shown."""
        cluster = self.find(request, self.version(request))
        self._shown[cluster.key] = cluster
        return super().get(request)

    def delete(self, request: Request) -> Response:
        """Begin to delete a cluster, and forget what was shown of it."""
        cluster = self._addressing.get(request, Cluster, self.version(request))
        if cluster:
            self._shown.pop(cluster.key, None)
        return super().delete(request)

    def preempt(self, request: Request) -> Response:
        """Take a low-priority node, as Azure does when it needs one. It is the emulator's own operation, for tests."""
        cluster = self.find(request, self.version(request))
        if cluster.spec.vm_priority is not VmPriority.LOW_PRIORITY:
            raise errors.not_preemptible(cluster.address.name)
        after = preempted(cluster, self._service.now())
        if after is not None:
            self._service.repository.keep(after)
            self._service.engine.wake()
        return self._service.empty(200 if after else 204, is_write=True)

    def remote_login(self, request: Request) -> Response:
        """The addresses for logging in to the nodes."""
        cluster = self.find(request, self.version(request))
        up = [node for node in cluster.nodes if node.state in ("idle", "preparing") and not node.departing]
        return self._service.value({"value": [login(cluster, node) for node in up]})

    def _on_network(self, spec: ClusterSpec) -> ClusterSpec:
        """The definition with a subnet: the nodes of a cluster that mounts a file server are in that server's."""
        setup, find = spec.node_setup, self._service.engine.mounts.find_server
        servers = (setup.mount_volumes.file_servers or ()) if setup and setup.mount_volumes else ()
        server = next((found for each in servers if (found := find(each.file_server.id))), None)
        return replace(spec, subnet=type(servers[0].file_server)(id=server.subnet)) if server else spec


def login(cluster: Cluster, node: Node) -> Document:
    """The address of a node. It is reserved for documentation (RFC 5737), because nothing listens there."""
    return {
        "nodeId": node.id,
        "ipAddress": f"203.0.113.{(cluster.pool + node.number) % 254 + 1}",
        "port": 50_000 + cluster.nodes.index(node),
    }
