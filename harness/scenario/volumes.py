"""The shares and containers of a scenario, which nodes mount, and the files that are uploaded to them."""

from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from harness.azure_file_names import name_problem
from harness.scenario.record import Record, invalid_fields

VolumeKind = Literal["share", "container"]
SHARE_NAME = r"^[a-z0-9](-?[a-z0-9])+$"


class DatasetUpload(Record):
    """A data set that the harness prepares and uploads."""

    dataset: Literal["mnist-ctf"]


class FileUpload(Record):
    """A file to upload, or a directory with its content; relative to the scenario file."""

    file: str = Field(min_length=1)


def _upload(value: Any) -> str:
    is_dataset = isinstance(value, DatasetUpload) or (isinstance(value, dict) and "dataset" in value)
    return "dataset upload" if is_dataset else "file upload"


Upload = Annotated[
    Annotated[DatasetUpload, Tag("dataset upload")] | Annotated[FileUpload, Tag("file upload")], Discriminator(_upload)
]


class VolumeSpec(Record):
    """Storage that every node mounts, and the files that are uploaded to it.

    Attributes:
        mount: the mount point on nodes, relative to ``$AZ_BATCHAI_MOUNT_ROOT``.
        directory: the directory that receives the uploads; empty means the root.
    """

    kind: ClassVar[VolumeKind]

    name: str = Field(pattern=SHARE_NAME, min_length=3, max_length=63)
    mount: str
    directory: str = ""
    upload: tuple[Upload, ...] = ()

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        wrong = [
            ((name,), f"{path!r} leaves the {self.kind}; write a relative path without '..'")
            for name, path in (("mount", self.mount), ("directory", self.directory))
            if not is_inside(path)
        ]
        if not PurePosixPath(self.mount).parts:
            wrong.append((("mount",), f"nodes need a name below $AZ_BATCHAI_MOUNT_ROOT to mount the {self.kind} at"))
        wrong += [
            (("directory",), f"the name {part!r} {problem}")
            for part in PurePosixPath(self.directory).parts
            if (problem := name_problem(part))
        ]
        if wrong:
            raise invalid_fields(*wrong)
        return self


class ShareSpec(VolumeSpec):
    """An Azure file share, and the files that are uploaded to it."""

    kind = "share"

    mount: str = "azurefileshare"


class ContainerSpec(VolumeSpec):
    """A blob container, which nodes mount with blobfuse, and the files that are uploaded to it."""

    kind = "container"

    mount: str = "azureblobcontainer"


def is_inside(path: str) -> bool:
    """Whether a path is relative and stays inside its base directory."""
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts and "\0" not in path
