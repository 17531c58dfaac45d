"""Clusters: made and deleted over time, resized at once."""

import random

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Cluster, Node, Workspace
from harness.emulator.engine.model.spec import ClusterSpec, VmPriority
from harness.emulator.engine.rules.scaling import new_cluster, preempted
from harness.emulator.guids import new_guid
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.lists import Collection
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_cluster, read_update

_POOLS = 1 << 32  # numbers in the names of nodes


class Clusters:
    """Nodes that run jobs."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing
        self._lists = Collection(
            service,
            addressing,
            Cluster,
            below="/clusters/",
            migrated="/clusters/",
            show=lambda version, it: version.cluster(it),
        )
        # As each cluster was shown last. The service answered a PATCH with the state of a cluster that it had told
        # last, however old (az's recorded scale scenario: nodes that had run a job were still on their way).
        self._shown: dict[str, Cluster] = {}

    def put(self, request: Request) -> Response:
        """Make one; the same definition again shows what is there."""
        version = self._version(request)
        document = read_body(request.content)
        spec, secrets = read_cluster(document, version)
        place = self._addressing.destination(request, Cluster, document, version)
        found = self._addressing.get(request, Cluster, version)
        if found:
            if found.deleting:
                raise errors.being_deleted("cluster", found.address.name)
            if found.spec != self._on_network(spec) or self._service.repository.secrets(found) != secrets:
                raise errors.different_definition("cluster", found.address.name)
            return self._service.one(version.cluster(found), found.written, is_write=True)
        now, incarnation = self._service.now(), new_guid()
        self._addressing.prepare(place, now)
        cluster = new_cluster(
            place.address,
            self._on_network(spec),
            location=place.location,
            incarnation=incarnation,
            pool=random.randrange(_POOLS),  # noqa: S311 - a name, no secret
            now=now,
            pace=self._service.engine.pace,
        )
        segment = version.segment("cluster", place.address, incarnation)
        cluster = replace(cluster, tags=place.tags, task_suffix=segment)
        seconds = version.times.create_cluster
        return self._service.create(request, cluster, version, seconds=seconds, secrets=secrets)

    def patch(self, request: Request) -> Response:
        """Change the scale settings; the answer shows them with the state as it was before."""
        version = self._version(request)
        cluster = self._addressing.find(request, Cluster, version)
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
        told = self._shown.get(cluster.key)
        if told and told.incarnation == cluster.incarnation:
            cluster = replace(told, spec=cluster.spec, tags=cluster.tags, written=cluster.written)
        return self._service.one(version.cluster(cluster), cluster.written, is_write=True)

    def get(self, request: Request) -> Response:
        """Show one."""
        version = self._version(request)
        cluster = self._addressing.find(request, Cluster, version)
        self._shown[cluster.key] = cluster
        return self._service.polled(cluster, version, version.cluster, written=cluster.written)

    def delete(self, request: Request) -> Response:
        """Delete one; jobs that run on it end, those that wait for it stay."""
        version = self._version(request)
        cluster = self._addressing.get(request, Cluster, version)
        if cluster is None:
            return self._service.empty(204, is_write=version.is_flat)
        self._shown.pop(cluster.key, None)
        times = version.times
        seconds = times.delete_cluster_with_nodes if cluster.nodes else times.delete_cluster
        return self._service.delete(request, cluster, version, seconds=seconds)

    def list_in_workspace(self, request: Request) -> Response:
        """Those of a workspace."""
        version = self._version(request)
        return self._lists.within(request, version, self._addressing.find(request, Workspace, version))

    def list_in_group(self, request: Request) -> Response:
        """Those of a resource group, in earlier versions."""
        return self._lists.in_group(request, self._version(request))

    def list_all(self, request: Request) -> Response:
        """Those of the subscription, in earlier versions."""
        return self._lists.in_subscription(request, self._version(request))

    def preempt(self, request: Request) -> Response:
        """Take a low priority node back, as Azure does when it needs it: the emulator's own operation, for tests."""
        cluster = self._addressing.find(request, Cluster, self._version(request))
        if cluster.spec.vm_priority is not VmPriority.LOW_PRIORITY:
            raise errors.not_preemptible(cluster.address.name)
        after = preempted(cluster, self._service.now())
        if after is not None:
            self._service.repository.keep(after)
            self._service.engine.wake()
        return self._service.empty(200 if after else 204, is_write=True)

    def remote_login(self, request: Request) -> Response:
        """Where the nodes that are up can be logged in to."""
        cluster = self._addressing.find(request, Cluster, self._version(request))
        up = [node for node in cluster.nodes if node.state in ("idle", "preparing") and not node.departing]
        return self._service.value({"value": [login(cluster, node) for node in up]})

    def _on_network(self, spec: ClusterSpec) -> ClusterSpec:
        """The nodes of a cluster that mounts a file server are in that server's subnet."""
        setup, find = spec.node_setup, self._service.engine.mounts.find_server
        servers = (setup.mount_volumes.file_servers or ()) if setup and setup.mount_volumes else ()
        server = next((found for each in servers if (found := find(each.file_server.id))), None)
        return replace(spec, subnet=type(servers[0].file_server)(id=server.subnet)) if server else spec

    def _version(self, request: Request) -> Version:
        return self._service.placed_version(request, "clusters")


def login(cluster: Cluster, node: Node) -> Document:
    """Where a node is: an address that is reserved for documentation, since nothing listens there."""
    return {
        "nodeId": node.id,
        "ipAddress": f"203.0.113.{(cluster.pool + node.number) % 254 + 1}",
        "port": 50_000 + cluster.nodes.index(node),
    }
