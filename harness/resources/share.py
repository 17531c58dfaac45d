"""An Azure file share and the files that a job needs on it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from azure.common import AzureConflictHttpError, AzureMissingResourceHttpError

from harness.errors import JobError, ProvisioningError
from harness.resources.events import Began, Ended, Noted
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.tags import metadata_of, read_metadata, share_id

_DATA = "dataset"  # metadata of an uploaded file: which data it really holds


@dataclass(frozen=True, slots=True)
class Upload:
    """A local file, or in replay its placeholder, and what the share remembers about it.

    Attributes:
        source: the path of the file, or its bytes.
        data: the data set that it is a part of; empty for a file of the user.
    """

    source: Path | bytes
    data: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the file on the share."""
        return {_DATA: self.data} if self.data else {}


class FileShare(Resource):
    """A share with one directory of uploaded files. A share that existed before is not deleted.

    Args:
        directory: created on the share, with its parents; empty means its root.
        uploads: opens the files to upload, by their paths in that directory, when the share is created.

    Attributes:
        data: the data set that it holds, as its metadata says; None where none was uploaded.
        uploaded: the paths of the uploaded files in the directory.
    """

    kind = "file share"

    def __init__(
        self,
        provisioning: Provisioning,
        *,
        group: str,
        name: str,
        directory: str = "",
        uploads: Callable[[], AbstractContextManager[Mapping[str, Upload]]] = lambda: nullcontext({}),
    ) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.directory = directory
        self.data: str | None = None
        self.uploaded: tuple[str, ...] = ()
        self._uploads = uploads
        self._created = False

    @property
    def id(self) -> str:
        """Its account and name."""
        return share_id(self.provisioning.cloud.facts, self.name)

    @property
    def is_created(self) -> bool:
        """Whether this run created the share; one that existed before is not deleted."""
        return self._created

    def create(self) -> None:
        """Create the share and its directories, then upload the files.

        Raises:
            ProvisioningError: the share exists, and a run on another machine may still use it.
        """
        files = self.provisioning.clients.files
        with self._uploads() as uploads:
            tags = metadata_of(self.provisioning, self.id)
            self._created = _is_new(
                "ShareAlreadyExists", lambda: files.create_share(self.name, metadata=tags, fail_on_exist=True)
            )
            if not self._created:
                self._created = self._take_over()
            if not self._created:
                self.provisioning.sink(Noted(f"file share {self.name} already exists; the run uses it and keeps it"))
            for directory in _directories(self.directory, uploads):
                make = partial(files.create_directory, self.name, directory, fail_on_exist=True)
                _is_new("ResourceAlreadyExists", make)
            for name, upload in uploads.items():
                self.provisioning.sink(Began("uploading", name))
                self._put(name, upload)
                self.provisioning.sink(Ended("uploading", name))
            self.uploaded = tuple(uploads)
            self.data = next((self._data_of(name) for name, upload in uploads.items() if upload.data), None)

    def _take_over(self) -> bool:
        """Whether this run created the share that exists.

        It did where an earlier request took effect and its response was lost, and where this run was killed and is
        resumed. A share of a run that has ended gets the tags of this run, so that nobody reaps it.
        """
        files = self.provisioning.clients.files
        label = read_metadata(files.get_share_metadata(self.name))
        if label is None or not label.names(self.id):
            return False
        if label.run == self.provisioning.run and label.owner == self.provisioning.owner:
            return True
        if not label.may_be_alive(self.provisioning.cloud.clock.now()):
            files.set_share_metadata(self.name, metadata_of(self.provisioning, self.id))
            return label.run == self.provisioning.run  # the run was killed, and is resumed
        if label.owner is None or label.owner.state == "elsewhere":
            raise ProvisioningError(
                f"file share {self.name} is in use by {label.whose}; "
                "wait for its end, or name another share in the scenario"
            )
        return False

    def mark_as_kept(self) -> None:
        """Write into its metadata that its run has ended and kept it."""
        files = self.provisioning.clients.files
        label = read_metadata(files.get_share_metadata(self.name))
        if label is not None and label.names(self.id) and label.run == self.provisioning.run:
            files.set_share_metadata(self.name, metadata_of(self.provisioning, self.id, is_kept=True))

    def delete(self) -> None:
        """Delete the share."""
        self.provisioning.clients.files.delete_share(self.name)

    def remember(self) -> dict[str, Any]:
        """What another process that shares it has to know."""
        return {"data": self.data, "uploaded": list(self.uploaded), "created": self._created}

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Restore what ``remember`` returned in the process that created it."""
        self.data, self.uploaded, self._created = facts["data"], tuple(facts["uploaded"]), facts["created"]

    def require(self, path: str) -> None:
        """Make sure that a file is on the share, before a job that needs it costs anything.

        Args:
            path: of the file, from the root of the share.

        Raises:
            JobError: it is not on the share.
            ProvisioningError: the share does not answer.
        """
        directory, _, name = path.rpartition("/")
        with self.provisioning.errors(f"look for {path} on share {self.name}"):
            try:
                is_there = self.provisioning.clients.files.exists(self.name, directory or None, name)
            except AzureMissingResourceHttpError:
                is_there = False
        if not is_there:
            found = ", ".join(self.uploaded) or "nothing"
            raise JobError(
                f"the script {path} is not on share {self.name}; uploaded to {self.directory or 'its root'}: {found}; "
                "add it to share.upload, or correct job.script in the scenario"
            )

    def _data_of(self, name: str) -> str | None:
        metadata: Mapping[str, str] = self.provisioning.clients.files.get_file_metadata(self.name, *self._place(name))
        return metadata.get(_DATA)

    def _put(self, name: str, upload: Upload) -> None:
        files = self.provisioning.clients.files
        place = (self.name, *self._place(name))
        if isinstance(upload.source, bytes):
            files.create_file_from_bytes(*place, upload.source, metadata=upload.metadata, max_connections=1)
        else:
            files.create_file_from_path(*place, str(upload.source), metadata=upload.metadata, max_connections=1)

    def _place(self, name: str) -> tuple[str | None, str]:
        path = PurePosixPath(self.directory) / name
        parent = str(path.parent)
        return (None if parent == "." else parent), path.name


def _is_new(exists: str, create: Callable[[], object]) -> bool:
    """Whether something was created; False where it exists already, which the error code ``exists`` says.

    The SDK's own ``fail_on_exist=False`` takes every conflict for that, also a full disk.
    """
    try:
        create()
    except AzureConflictHttpError as error:
        if error.error_code != exists:
            raise
        return False
    return True


def _directories(root: str, names: Iterable[str]) -> list[str]:
    """Every directory to create, parents first."""
    paths = [PurePosixPath(root), *((PurePosixPath(root) / name).parent for name in names)]
    wanted = {step: None for path in paths for step in (*reversed(path.parents), path)}
    return [str(step) for step in wanted if str(step) != "."]
