"""The handlers of file servers: NFS servers that clusters mount, played by directories."""

import uuid
from datetime import datetime

from harness.emulator.context import Request, Response
from harness.emulator.engine.job_specs import cluster_volumes
from harness.emulator.engine.model.records import Cluster, FileServer, Workspace
from harness.emulator.guids import new_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.resources import FlatResourceHandlers
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.definitions import read_body, read_file_server


class FileServers(FlatResourceHandlers[FileServer]):
    """File servers, whose files belong to no storage account."""

    record, parent = FileServer, Workspace
    type_path, parent_path = "fileServers", "workspaces"

    def show(self, version: Version, resource: FileServer) -> Document:
        """A file server in the form of an API version."""
        return version.file_server(resource)

    def last_modified(self, resource: FileServer) -> datetime:
        """When the file server was created, since it never changes."""
        return resource.created

    def deletion_seconds(self, version: Version, resource: FileServer) -> float:
        """A file server is deleted with its files, unless a cluster mounts it."""
        self._refuse_while_mounted(resource)
        return version.times.delete_file_server

    def put(self, request: Request) -> Response:
        """Create a file server; a PUT with the definition of an existing one shows it."""
        version = self.version(request)
        document = read_body(request.content)
        spec = read_file_server(document, version)
        destination = self._addressing.destination(request, FileServer, document, version)
        existing = self._addressing.get(request, FileServer, version)
        if existing:
            self.refuse_change(existing, is_same=existing.spec == spec)
            return self.completed_response(version, existing)
        now, incarnation = self._service.now(), new_guid()
        self._addressing.prepare(destination, now)
        own = (
            f"/subscriptions/{destination.address.subscription}/resourceGroups/fileserverrg-{incarnation}/providers/"
            f"Microsoft.Network/virtualNetworks/{incarnation}vnet/subnets/Subnet-1"
        )
        server = FileServer(
            address=destination.address,
            location=destination.location,
            tags=destination.tags,
            spec=spec,
            incarnation=incarnation,
            subnet=spec.subnet.id if spec.subnet else own,
            public_address=f"203.0.113.{uuid.UUID(incarnation).int % 254 + 1}",
            created=now,
        )
        return self._service.create(request, server, version, seconds=version.times.create_file_server)

    def _refuse_while_mounted(self, server: FileServer) -> None:
        for key in self._service.repository.clusters:
            cluster = self._service.repository.store.get(Cluster, key)
            if cluster is None or cluster.deleting:
                continue
            for volume in cluster_volumes(cluster):
                if volume.source == "server" and self._service.engine.mounts.find_server(volume.account) == server:
                    raise errors.file_server_in_use(server.address.name, cluster.address.name)
