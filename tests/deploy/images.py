"""Images of the Containerfile, which the tests build and run.

The tests use no registry. The base image contains this machine's Python, and the stage of packages is a directory with
the packages that are installed here; all other lines of the Containerfile are those that users build with.
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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint
from tests.podman import NoEngineError, PodmanEngine, add_mount_points

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "Containerfile"
PATIENCE = 120.0
_EXCLUDED = frozenset(
    {"site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__"}
)


def python_archive(path: Path, stage: Path, programs: Sequence[str] = ()) -> Path:
    """Write a tar file with this Python, programs of this machine, and the libraries that they and a stage need."""
    library = Path(sysconfig.get_path("stdlib"))
    program = Path(os.path.realpath(sys._base_executable))
    files = {name: str(shutil.which(name)) for name in programs}
    binaries = (program, *map(Path, files.values()), *(library / "lib-dynload").glob("*.so"), *stage.rglob("*.so"))
    needed_libraries = {file for binary in binaries for file in libraries(binary)}

    def select(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        is_excluded = _EXCLUDED & set(Path(entry.name).parts) or entry.name.endswith(".a") or "/config-3" in entry.name
        entry.uid = entry.gid = 0
        return None if is_excluded else entry

    with tarfile.open(path, "w") as archive:
        archive.add(library, arcname=f"usr/local/lib/{library.name}", filter=select)
        archive.add(program, arcname="usr/local/bin/python3")
        for name, file in files.items():
            archive.add(os.path.realpath(file), arcname=f"bin/{name}")
        for file in needed_libraries:
            archive.add(os.path.realpath(file), arcname=file.lstrip("/"))
        add_mount_points(archive)
    return path


def libraries(binary: Path) -> list[str]:
    output = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+)", output)


def package_directory(directory: Path, target: str, names: Iterable[str]) -> Path:
    """Fill a directory like the stage of packages: the installed files of each package, and the harness itself."""
    for name in names:
        for file in importlib.metadata.files(name) or []:
            is_included = not {"..", "__pycache__", "tests"} & set(file.parts) and "uvloop" not in file.parts[0]
            if is_included and Path(str(file.locate())).is_file():  # the list may name files that do not exist
                (directory / target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), directory / target / file)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "harness", directory / target / "harness", ignore=ignored)
    (directory / "data").mkdir()
    return directory


@contextmanager
def built_image(
    engine: PodmanEngine, directory: Path, target: str, names: Iterable[str], programs: Sequence[str] = ()
) -> Iterator[str]:
    """Build an image of the Containerfile, and delete it after the block; yields its name.

    Args:
        target: the stage.
        names: the packages in it.
        programs: the programs of its base image besides Python.

    Raises:
        NoEngineError: Podman cannot build an image on this machine.
    """
    (directory / "stage").mkdir()
    stage = package_directory(directory / "stage", target, names)
    base, name = f"localhost/python-{target}:test", f"localhost/batchai-harness-{target}:test"
    arguments = ["build", "--format=docker", f"--target={target}", f"--build-arg={target.upper()}={base}"]
    arguments += [f"--build-context=packages={stage}", "--network=host", "--isolation=chroot"]
    engine.podman("import", str(python_archive(directory / "python.tar", stage, programs)), base)
    engine.podman(*arguments, f"--file={CONTAINERFILE}", f"--tag={name}", str(ROOT))
    yield name
    engine.podman("rmi", "--force", name)


class Container:
    """A container of an image, on the machine's network, at free ports."""

    def __init__(self, engine: PodmanEngine, image: str, *options: str) -> None:
        self._engine, self._image, self._options = engine, image, options
        self._name, self._volume = (f"{word}-{secrets.token_hex(4)}" for word in ("emulator", "data"))

    def start(self) -> None:
        """Start the container, and wait until it is healthy."""
        options = [f"--name={self._name}", "--network=host", f"--volume={self._volume}:/data", "--detach"]
        options += ["--no-healthcheck", *self._options]  # the tests run it, because Podman needs systemd to do so
        self._engine.podman("run", *options, self._image, "--port=0", "--blob-port=0", "--file-port=0")
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE
        while not self._is_healthy():
            is_running = self._engine.podman("inspect", "--format={{.State.Running}}", self._name).strip() == "true"
            assert is_running, self._engine.podman("logs", self._name)
            assert clock.monotonic() < deadline
            clock.sleep(0.2)

    def kill(self) -> None:
        """Kill all processes of the container; its volume remains."""
        self._engine.podman("kill", "--signal=KILL", self._name)
        self._engine.podman("wait", self._name)
        self._engine.podman("rm", "--force", self._name)

    def remove(self) -> None:
        """Remove the container and its volume."""
        self._engine.podman("rm", "--force", "--ignore", self._name)
        self._engine.podman("volume", "rm", "--force", self._volume)

    def execute(self, *arguments: str) -> str:
        """Run Python in the container; returns what it prints."""
        return self._engine.podman("exec", self._name, "python3", "-P", *arguments)

    def read(self, path: str) -> str:
        """Return the text of a file in the container."""
        return self.execute("-c", f"print(open({path!r}).read(), end='')")

    def _is_healthy(self) -> bool:
        """Return the result of the image's health check."""
        try:
            self.execute("-m", "harness.emulator.health", "/data")
        except NoEngineError:
            return False
        return True


def endpoint_of(container: Container, directory: Path) -> Endpoint:
    """Return the emulator's endpoint as seen from outside, with a copy of its certificate authority."""
    endpoint = msgspec.json.decode(container.read("/data/endpoint.json"), type=Endpoint)
    authority = directory / "authority.pem"
    authority.write_text(container.read(endpoint.ca_path), encoding="ascii")
    proxy = re.sub(r"//[^:/]+:", "//127.0.0.1:", endpoint.proxy_url)
    return replace(endpoint, ca_path=str(authority), proxy_url=proxy)
