"""File servers: NFS servers that clusters mount; here, directories."""

import uuid

from harness.emulator.context import Request, Response
from harness.emulator.engine.job_specs import cluster_volumes
from harness.emulator.engine.model.records import Cluster, FileServer, Workspace
from harness.emulator.guids import new_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.addressing import Addressing
from harness.emulator.providers.batchai.handlers.lists import Collection
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_file_server


class FileServers:
    """Servers of files that belong to no storage account."""

    def __init__(self, service: Service, addressing: Addressing) -> None:
        self._service = service
        self._addressing = addressing
        self._lists = Collection(
            service,
            addressing,
            FileServer,
            below="/fileservers/",
            migrated="/fileservers/",
            show=lambda version, it: version.file_server(it),
        )

    def put(self, request: Request) -> Response:
        """Make one; the same definition again shows what is there."""
        version = self._version(request)
        document = read_body(request.content)
        spec = read_file_server(document, version)
        place = self._addressing.destination(request, FileServer, document, version)
        found = self._addressing.get(request, FileServer, version)
        if found:
            if found.deleting:
                raise errors.being_deleted("file_server", found.address.name)
            if found.spec != spec:
                raise errors.different_definition("file_server", found.address.name)
            return self._service.one(version.file_server(found), found.created, is_write=True)
        now, incarnation = self._service.now(), new_guid()
        self._addressing.prepare(place, now)
        own = (
            f"/subscriptions/{place.address.subscription}/resourceGroups/fileserverrg-{incarnation}/providers/"
            f"Microsoft.Network/virtualNetworks/{incarnation}vnet/subnets/Subnet-1"
        )
        server = FileServer(
            address=place.address,
            location=place.location,
            tags=place.tags,
            spec=spec,
            incarnation=incarnation,
            subnet=spec.subnet.id if spec.subnet else own,
            public_address=f"203.0.113.{uuid.UUID(incarnation).int % 254 + 1}",
            created=now,
        )
        return self._service.create(request, server, version, seconds=version.times.create_file_server)

    def get(self, request: Request) -> Response:
        """Show one."""
        version = self._version(request)
        server = self._addressing.find(request, FileServer, version)
        return self._service.one(version.file_server(server), server.created)

    def delete(self, request: Request) -> Response:
        """Delete one with its files, unless a cluster mounts it."""
        version = self._version(request)
        server = self._addressing.get(request, FileServer, version)
        if server is None:
            return self._service.empty(204, is_write=version.is_flat)
        self._refuse_while_mounted(server)
        return self._service.delete(request, server, version, seconds=version.times.delete_file_server)

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

    def _refuse_while_mounted(self, server: FileServer) -> None:
        for key in self._service.repository.clusters:
            cluster = self._service.repository.store.get(Cluster, key)
            if cluster is None or cluster.deleting:
                continue
            for volume in cluster_volumes(cluster):
                if volume.source == "server" and self._service.engine.mounts.find_server(volume.account) == server:
                    raise errors.file_server_in_use(server.address.name, cluster.address.name)

    def _version(self, request: Request) -> Version:
        return self._service.placed_version(request, "fileServers")
