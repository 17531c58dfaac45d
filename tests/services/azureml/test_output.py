"""Reading a job's output files from a share or a container."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from harness.resources import Provisioning
from harness.scenario.volumes import VolumeKind
from harness.services.azureml.output import AzureMlJobOutput, OutputLocation
from harness.services.service import OutputFile, Tail

Write = Callable[[str, bytes], OutputFile]


@pytest.fixture(params=["share", "container"])
def location(request: pytest.FixtureRequest, provisioning: Provisioning) -> Iterator[OutputLocation]:
    """A directory on a new volume."""
    kind: VolumeKind = request.param
    name = f"output{uuid.uuid4().hex[:8]}"
    files, blobs = provisioning.clients.files, provisioning.clients.storage(BlobServiceClient, "blob")
    if kind == "share":
        files.create_share(name)
        files.create_directory(name, "logs")
    else:
        blobs.create_container(name)
    yield OutputLocation(kind, name, "logs")
    if kind == "share":
        files.delete_share(name)
    else:
        blobs.delete_container(name)


@pytest.fixture
def output(provisioning: Provisioning, location: OutputLocation) -> AzureMlJobOutput:
    return AzureMlJobOutput(provisioning, "myjob", {"stdouterr": location}, lambda: None)


@pytest.fixture
def write(provisioning: Provisioning, location: OutputLocation, output: AzureMlJobOutput) -> Write:
    """Write a file to the directory, and return its entry in the job's output."""

    def written(name: str, content: bytes) -> OutputFile:
        if location.kind == "share":
            provisioning.clients.files.create_file_from_bytes(location.volume, location.path, name, content)
        else:
            container = provisioning.clients.storage(BlobServiceClient, "blob").get_container_client(location.volume)
            container.upload_blob(f"{location.path}/{name}", content)
        return next(file for file in output.files("stdouterr").files if file.name == name)

    return written


@pytest.mark.parametrize(
    ("start", "most", "tail"),
    [
        (0, 100, Tail(0, b"0123456789")),
        (0, 4, Tail(6, b"6789")),
        (7, 100, Tail(7, b"789")),
        (3, 4, Tail(6, b"6789")),
        (10, 100, Tail(10, b"")),
        (11, 100, Tail(0, b"0123456789")),
    ],
)
def test_of_a_log_only_what_is_new_is_read(
    output: AzureMlJobOutput, write: Write, start: int, most: int, tail: Tail
) -> None:
    assert output.tail(write("stdout.txt", b"0123456789"), start=start, most=most) == tail


def test_an_empty_log_has_no_tail(output: AzureMlJobOutput, write: Write) -> None:
    assert output.tail(write("stdout.txt", b""), start=0, most=100) == Tail(0, b"")


def test_a_file_is_downloaded_whole(output: AzureMlJobOutput, write: Write, tmp_path: Path) -> None:
    output.download(write("model.bin", b"0123456789"), tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == b"0123456789"
