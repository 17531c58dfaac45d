"""The container image of the storage emulator: built by the Containerfile, run, and used by SDKs from outside.

There is no registry here. The base image is this machine's own Python, and the stage of packages is a directory with
those that are installed here: every other line of the Containerfile is what users build with.
"""

import importlib.metadata
import os
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.fileshare import ShareServiceClient

from harness.clock import SystemClock
from tests.distributions import imported, with_requirements
from tests.podman import NoEngineError, PodmanEngine

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "Containerfile"
PATIENCE = 120.0
_LEFT_OUT = frozenset(
    {"site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__"}
)
pytestmark = pytest.mark.slow


def packages() -> list[str]:
    """The packages that the Containerfile installs for storage."""
    [line] = re.findall(r"--target /storage -c \S+ \\\n\s+(.*)", CONTAINERFILE.read_text(encoding="utf-8"))
    return str(line).split()


def test_the_storage_emulator_needs_no_package_that_its_image_lacks() -> None:
    modules = ["harness.emulator.__main__", "harness.emulator.health"]

    assert imported(modules) <= with_requirements(packages())


def python_archive(path: Path, stage: Path) -> Path:
    """A tar file with this Python, and the libraries that it and the packages of a stage need."""
    library = Path(sysconfig.get_path("stdlib"))
    program = Path(os.path.realpath(sys._base_executable))
    binaries = (program, *(library / "lib-dynload").glob("*.so"), *stage.rglob("*.so"))
    needed = {file for binary in binaries for file in libraries(binary)}

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        left_out = _LEFT_OUT & set(Path(entry.name).parts) or entry.name.endswith(".a") or "/config-3" in entry.name
        entry.uid = entry.gid = 0
        return None if left_out else entry

    with tarfile.open(path, "w") as archive:
        archive.add(library, arcname=f"usr/local/lib/{library.name}", filter=kept)
        archive.add(program, arcname="usr/local/bin/python3")
        for file in needed:
            archive.add(os.path.realpath(file), arcname=file.lstrip("/"))
        for name in ("tmp", "etc", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
    return path


def libraries(binary: Path) -> list[str]:
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+)", listed)


def package_directory(directory: Path) -> Path:
    """What the stage of packages would hold: the installed files of each package, and the harness itself."""
    target = directory / "storage"
    for name in with_requirements(packages()):
        for file in importlib.metadata.files(name) or []:
            if ".." not in file.parts and "__pycache__" not in file.parts and "uvloop" not in file.parts[0]:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), target / file)
    shutil.copytree(ROOT / "harness", target / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "data").mkdir()
    return directory


@pytest.fixture(scope="module")
def image(container_engine: PodmanEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image ``storage``."""
    directory = tmp_path_factory.mktemp("image")
    (directory / "stage").mkdir()
    stage = package_directory(directory / "stage")
    words = ["build", "--format=docker", "--target=storage", "--build-arg=STORAGE=localhost/python:test"]
    words += [f"--build-context=packages={stage}", "--network=host", "--isolation=chroot"]
    name = "localhost/batchai-harness-storage:test"
    try:
        archive = python_archive(directory / "python.tar", stage)
        container_engine.podman("import", str(archive), "localhost/python:test")
        container_engine.podman(*words, f"--file={CONTAINERFILE}", f"--tag={name}", str(ROOT))
    except NoEngineError as error:
        pytest.skip(f"podman builds no image here: {error}")
    yield name
    container_engine.podman("rmi", "--force", name)


class Running:
    """A container of the image, on the machine's own network, at ports of its own."""

    def __init__(self, engine: PodmanEngine, image: str, volume: str, account: str) -> None:
        self.engine, self.image, self.volume, self.account = engine, image, volume, account
        self.name = f"storage-{secrets.token_hex(4)}"

    def start(self) -> None:
        options = [f"--name={self.name}", "--network=host", f"--volume={self.volume}:/data", "--detach"]
        options += ["--no-healthcheck"]  # Podman needs systemd to run it by itself; here the tests do
        options += [f"--env=HARNESS_EMULATOR_ACCOUNTS={self.account}"]
        self.engine.podman("run", *options, self.image, "--port=0", "--blob-port=0", "--file-port=0")
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE
        while not self._is_healthy():
            is_running = self.engine.podman("inspect", "--format={{.State.Running}}", self.name).strip() == "true"
            assert is_running, self.engine.podman("logs", self.name)
            assert clock.monotonic() < deadline
            clock.sleep(0.2)

    def kill(self) -> None:
        self.engine.podman("kill", "--signal=KILL", self.name)
        self.engine.podman("wait", self.name)
        self.engine.podman("rm", "--force", self.name)

    def execute(self, *words: str) -> str:
        return self.engine.podman("exec", self.name, "python3", "-P", *words)

    def connection(self) -> str:
        """The connection string of its account."""
        account, _, key = self.account.partition(":")
        ports = self.execute(
            "-c",
            "import json; e = json.load(open('/data/endpoint.json')); "
            "print(*(e[k].rpartition(':')[2].strip('/') for k in ('blob_url', 'file_url')))",
        ).split()
        urls = [f"http://127.0.0.1:{port}/{account}" for port in ports]
        return (
            f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
            f"BlobEndpoint={urls[0]};FileEndpoint={urls[1]}"
        )

    def _is_healthy(self) -> bool:
        """What the health check of the image says."""
        try:
            self.execute("-m", "harness.emulator.health", "/data")
        except NoEngineError:
            return False
        return True


@pytest.fixture
def running(container_engine: PodmanEngine, image: str) -> Iterator[Running]:
    volume = f"data-{secrets.token_hex(4)}"
    made = Running(container_engine, image, volume, f"mine:{b64encode(secrets.token_bytes(48)).decode()}")
    yield made
    container_engine.podman("rm", "--force", "--ignore", made.name)
    container_engine.podman("volume", "rm", "--force", volume)


def test_the_image_is_small_and_has_no_rights(container_engine: PodmanEngine, image: str) -> None:
    facts = container_engine.podman(
        "image", "inspect", "--format", "{{.Size}} {{.User}} {{.Config.Volumes}} {{.HealthCheck.Test}}", image
    )

    size, user, rest = facts.split(" ", 2)
    assert int(size) < 120_000_000
    assert user == "65532:65532"
    assert "/data" in rest
    assert "harness.emulator.health" in rest


def test_sdks_use_it_from_outside_and_a_killed_container_loses_nothing(running: Running) -> None:
    running.start()
    with (
        ShareServiceClient.from_connection_string(running.connection()) as files,
        BlobServiceClient.from_connection_string(running.connection()) as blobs,
    ):
        files.create_share("share")
        files.get_share_client("share").get_file_client("kept.txt").upload_file(b"kept")
        blobs.create_container("container").upload_blob("kept.txt", b"kept, too")

    running.kill()
    running.start()

    with (
        ShareServiceClient.from_connection_string(running.connection()) as files,
        BlobServiceClient.from_connection_string(running.connection()) as blobs,
    ):
        assert files.get_share_client("share").get_file_client("kept.txt").download_file().readall() == b"kept"
        assert blobs.get_blob_client("container", "kept.txt").download_blob().readall() == b"kept, too"
    assert running.execute("-c", "import os; print(os.getuid())").strip() == "65532"
