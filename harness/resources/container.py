"""A blob container, and the files in it that a job needs."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient, ContainerClient

from harness.clouds import Clients
from harness.resources.tags import container_id
from harness.resources.volume import Upload, Volume

_EXISTS = "ContainerAlreadyExists"


class BlobContainer(Volume):
    """A blob container with files under one prefix; slashes in the names of blobs separate directories."""

    kind = "blob container"
    volume_kind = "container"

    @property
    def id(self) -> str:
        """Its account and name."""
        return container_id(self.provisioning.cloud.facts, self.name)

    @property
    def _container(self) -> ContainerClient:
        return _service(self.provisioning.clients).get_container_client(self.name)

    def delete(self) -> None:
        """Delete the container."""
        delete_container(self.provisioning.clients, self.name)

    def _make(self, tags: dict[str, str]) -> bool:
        try:
            self._container.create_container(metadata=tags)
        except ResourceExistsError as error:
            if error.error_code != _EXISTS:  # type: ignore[attr-defined]  # of storage's errors
                raise
            return False
        return True

    def _metadata(self) -> Mapping[str, str]:
        return container_metadata(self.provisioning.clients, self.name)

    def _set_metadata(self, tags: dict[str, str]) -> None:
        self._container.set_container_metadata(tags)

    def _make_directories(self, paths: Iterable[str]) -> None:
        """Do nothing, since a container has no directories."""

    def _put(self, path: str, upload: Upload) -> None:
        options = {"overwrite": True, "max_concurrency": 1, "metadata": upload.metadata or None}
        if isinstance(upload.source, bytes):
            self._container.upload_blob(path, upload.source, **options)
        else:
            with Path(upload.source).open("rb") as stream:
                self._container.upload_blob(path, stream, **options)

    def _file_metadata(self, path: str) -> Mapping[str, str]:
        return self._container.get_blob_client(path).get_blob_properties().metadata or {}

    def _file_exists(self, path: str) -> bool:
        return bool(self._container.get_blob_client(path).exists())


def list_containers(clients: Clients) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The containers of the storage account, with their metadata."""
    for container in _service(clients).list_containers(include_metadata=True):
        yield container.name, container.metadata or {}


def container_metadata(clients: Clients, name: str) -> Mapping[str, str]:
    """The metadata of a container. Raises ResourceNotFoundError if it does not exist."""
    return _service(clients).get_container_client(name).get_container_properties().metadata or {}


def delete_container(clients: Clients, name: str) -> None:
    """Delete a container. Raises ResourceNotFoundError if it does not exist."""
    _service(clients).delete_container(name)


def _service(clients: Clients) -> BlobServiceClient:
    return clients.storage(BlobServiceClient, "blob")
