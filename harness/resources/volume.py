"""Storage that nodes mount, a share or a container, and the files on it that a job needs."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from azure.common import AzureMissingResourceHttpError
from azure.core.exceptions import ResourceNotFoundError

from harness.errors import JobError, ProvisioningError
from harness.resources.events import Note, StepEnded, StepStarted
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.tags import metadata_of, read_metadata
from harness.scenario.volumes import VolumeKind

_DATA = "dataset"  # metadata of an uploaded file: the data set that it contains


@dataclass(frozen=True, slots=True)
class Upload:
    """A local file, or in replay its placeholder, with its metadata on the volume.

    Attributes:
        source: the path of the file, or its content.
        data: the data set that contains the file; empty for a file of the user.
    """

    source: Path | bytes
    data: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the file on the volume."""
        return {_DATA: self.data} if self.data else {}


class Volume(Resource):
    """A share or container with one directory of uploaded files. A volume that existed before is not deleted.

    Args:
        directory: receives the files, and is created with its parents; empty means the root.
        uploads: opens the files to upload, by their paths in the directory, when the volume is created.

    Attributes:
        volume_kind: the kind in scenarios and plans of clusters.
        data: the data set in its metadata; None if none was uploaded.
        uploaded: the paths of the uploaded files in the directory.
    """

    volume_kind: ClassVar[VolumeKind]

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
    @abstractmethod
    def id(self) -> str:
        """Its account and name, which its tags contain."""

    @property
    def is_created(self) -> bool:
        """Whether this run created the volume; one that existed before is not deleted."""
        return self._created

    def create(self) -> None:
        """Create the volume and its directories, then upload the files.

        Raises:
            ProvisioningError: the volume exists, and a run on another machine may still use it.
        """
        with self._uploads() as uploads:
            self._created = self._make(metadata_of(self.provisioning, self.id)) or self._take_over()
            if not self._created:
                self.provisioning.sink(Note(f"{self.kind} {self.name} already exists; the run uses it and keeps it"))
            self._make_directories(_directories(self.directory, uploads))
            for name, upload in uploads.items():
                self.provisioning.sink(StepStarted("uploading", name))
                self._put(self._path(name), upload)
                self.provisioning.sink(StepEnded("uploading", name))
            self.uploaded = tuple(uploads)
            self.data = next((self._data_of(name) for name, upload in uploads.items() if upload.data), None)

    def _take_over(self) -> bool:
        """Whether this run created the existing volume.

        It did if an earlier request took effect and its response was lost, or if this run was killed and is resumed. A
        volume of a run that has ended gets the tags of this run, so that it is not reaped.
        """
        label = read_metadata(self._metadata())
        if label is None or not label.describes(self.id):
            return False
        if label.run == self.provisioning.run and label.owner == self.provisioning.owner:
            return True
        if not label.may_be_alive(self.provisioning.cloud.clock.now()):
            self._set_metadata(metadata_of(self.provisioning, self.id))
            return label.run == self.provisioning.run  # the run was killed, and is resumed
        if label.owner is None or label.owner.state == "elsewhere":
            raise ProvisioningError(
                f"{self.kind} {self.name} is in use by {label.run_description}; "
                f"wait for its end, or name another {self.volume_kind} in the scenario"
            )
        return False

    def mark_as_kept(self) -> None:
        """Write into its metadata that its run has ended and kept the volume."""
        label = read_metadata(self._metadata())
        if label is not None and label.belongs_to(self.id, self.provisioning.run):
            self._set_metadata(metadata_of(self.provisioning, self.id, is_kept=True))

    def remember(self) -> dict[str, Any]:
        """The state that another process needs to share the volume."""
        return {"data": self.data, "uploaded": list(self.uploaded), "created": self._created}

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Restore the state that ``remember`` returned in the process that created the volume."""
        self.data, self.uploaded, self._created = facts["data"], tuple(facts["uploaded"]), facts["created"]

    def require(self, path: str) -> None:
        """Make sure that a file exists, before the job that needs it uses nodes.

        Args:
            path: the path of the file from the root of the volume.

        Raises:
            JobError: the file does not exist.
            ProvisioningError: the volume cannot be accessed.
        """
        with self.provisioning.errors(f"look for {path} on {self.volume_kind} {self.name}"):
            try:
                exists = self._file_exists(path)
            except (AzureMissingResourceHttpError, ResourceNotFoundError):
                exists = False
        if not exists:
            uploaded = ", ".join(self.uploaded) or "nothing"
            raise JobError(
                f"the script {path} is not on {self.volume_kind} {self.name}; "
                f"uploaded to {self.directory or 'its root'}: {uploaded}; "
                f"add it to the upload of the {self.volume_kind}, or correct job.script in the scenario"
            )

    @abstractmethod
    def _make(self, tags: dict[str, str]) -> bool:
        """Create the volume with metadata; return False if one of that name exists."""

    @abstractmethod
    def _metadata(self) -> Mapping[str, str]:
        """The metadata of the volume."""

    @abstractmethod
    def _set_metadata(self, tags: dict[str, str]) -> None:
        """Replace the metadata of the volume."""

    @abstractmethod
    def _make_directories(self, paths: Iterable[str]) -> None:
        """Create directories, parents first; an existing directory is no error."""

    @abstractmethod
    def _put(self, path: str, upload: Upload) -> None:
        """Upload a file to a path from the root."""

    @abstractmethod
    def _file_metadata(self, path: str) -> Mapping[str, str]:
        """The metadata of a file."""

    @abstractmethod
    def _file_exists(self, path: str) -> bool:
        """Whether a file exists."""

    def _data_of(self, name: str) -> str | None:
        return self._file_metadata(self._path(name)).get(_DATA)

    def _path(self, name: str) -> str:
        """The path, from the root, of an uploaded file."""
        return str(PurePosixPath(self.directory) / name)


def _directories(root: str, names: Iterable[str]) -> list[str]:
    """Every directory to create, parents first."""
    paths = [PurePosixPath(root), *((PurePosixPath(root) / name).parent for name in names)]
    steps = {step: None for path in paths for step in (*reversed(path.parents), path)}
    return [str(step) for step in steps if str(step) != "."]
