"""An Azure file share and the files a job needs on it."""

from collections.abc import Mapping
from pathlib import Path

from harness.resources.events import Began, Ended
from harness.resources.provisioning import Provisioning, Resource


class FileShare(Resource):
    """A share with one directory of uploaded files; a share that was there before stays.

    Args:
        directory: made on the share.
        upload: name in that directory -> local file.
    """

    kind = "file share"

    def __init__(
        self, provisioning: Provisioning, *, group: str, name: str, directory: str, upload: Mapping[str, Path]
    ) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.directory = directory
        self.upload = upload
        self._created = False

    def create(self) -> None:
        """Create share and directory, then upload."""
        files = self.provisioning.clients.files
        self._created = files.create_share(self.name)
        files.create_directory(self.name, self.directory)
        for name, path in self.upload.items():
            self.provisioning.sink(Began("uploading", name))
            files.create_file_from_path(self.name, self.directory, name, str(path), max_connections=1)
            self.provisioning.sink(Ended("uploading", name))

    def delete(self) -> None:
        """Delete the share, if it is ours."""
        if self._created:
            self.provisioning.clients.files.delete_share(self.name)
