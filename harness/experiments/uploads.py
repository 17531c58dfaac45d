"""Uploads of a run: real files, or in a replay placeholders for the recorded uploads."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import harness.data
from harness.experiments.upload_files import own_files
from harness.resources import Upload
from harness.resources.events import Note, Sink
from harness.scenario.document import FieldPath
from harness.scenario.model import Scenario
from harness.scenario.volumes import DatasetUpload

_PLACEHOLDER = b""
_RECORDED_DATA = "as recorded"  # a replay prepares no data set; the recording of the share has its name


class Uploads(Protocol):
    """Provides the files that a scenario uploads while a block lasts."""

    def open(self, scenario: Scenario, volume: FieldPath) -> AbstractContextManager[Mapping[str, Upload]]:
        """The files to upload to the volume that a field defines, by path in its directory."""


@dataclass(frozen=True, slots=True)
class LocalUploads:
    """Files beside the scenario, and prepared data sets.

    Attributes:
        mnist_dir: the setting of that name.
        cache: the directory into which ``harness data mnist`` downloads.
        sink: gets a note that names the data set.
        upload_from: directories that may be uploaded from, besides the scenario's own.
    """

    mnist_dir: Path | None
    cache: Path | None
    sink: Sink
    upload_from: tuple[Path, ...] = ()

    @contextmanager
    def open(self, scenario: Scenario, volume: FieldPath) -> Iterator[Mapping[str, Upload]]:
        """The real files; a data set is prepared in a temporary directory.

        Raises:
            ScenarioError: a file does not exist, or may not be uploaded; the message gives file and line.
            SettingsError: the chosen MNIST files are missing or damaged.
        """
        uploads = {name: Upload(path) for name, path in own_files(scenario, volume, self.upload_from).items()}
        if not any(isinstance(upload, DatasetUpload) for upload in scenario.volumes[volume].upload):
            yield uploads
            return
        with TemporaryDirectory(prefix="batchai-data-") as directory:
            data = harness.data.prepare(Path(directory), mnist_dir=self.mnist_dir, cache=self.cache)
            self.sink(Note(f"data: {data.name}, {data.train} samples to train and {data.test} to test"))
            yield {**{path.name: Upload(path, data.name) for path in data.files}, **uploads}


@dataclass(frozen=True, slots=True)
class RecordedUploads:
    """Uploads in replay: the same names without content, so that no data set is needed.

    Attributes:
        upload_from: directories that may be uploaded from, besides the scenario's own.
    """

    upload_from: tuple[Path, ...] = ()

    def open(self, scenario: Scenario, volume: FieldPath) -> AbstractContextManager[Mapping[str, Upload]]:
        """Placeholders for the files.

        Raises:
            ScenarioError: a file does not exist, or may not be uploaded; the message gives file and line.
        """
        uploads = {name: Upload(_PLACEHOLDER) for name in own_files(scenario, volume, self.upload_from)}
        for upload in scenario.volumes[volume].upload:
            if isinstance(upload, DatasetUpload):
                names = (harness.data.TRAIN_FILE, harness.data.TEST_FILE)
                uploads = {name: Upload(_PLACEHOLDER, _RECORDED_DATA) for name in names} | uploads
        return nullcontext(uploads)
