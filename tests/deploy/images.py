"""Images of the Containerfile, built and run here.

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
_LEFT_OUT = frozenset(
    {"site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__"}
)


def python_archive(path: Path, stage: Path, programs: Sequence[str] = ()) -> Path:
    """A tar file with this Python and programs of this machine, and the libraries that they and a stage need."""
    library = Path(sysconfig.get_path("stdlib"))
    program = Path(os.path.realpath(sys._base_executable))
    found = {name: str(shutil.which(name)) for name in programs}
    binaries = (program, *map(Path, found.values()), *(library / "lib-dynload").glob("*.so"), *stage.rglob("*.so"))
    needed = {file for binary in binaries for file in libraries(binary)}

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        left_out = _LEFT_OUT & set(Path(entry.name).parts) or entry.name.endswith(".a") or "/config-3" in entry.name
        entry.uid = entry.gid = 0
        return None if left_out else entry

    with tarfile.open(path, "w") as archive:
        archive.add(library, arcname=f"usr/local/lib/{library.name}", filter=kept)
        archive.add(program, arcname="usr/local/bin/python3")
        for name, file in found.items():
            archive.add(os.path.realpath(file), arcname=f"bin/{name}")
        for file in needed:
            archive.add(os.path.realpath(file), arcname=file.lstrip("/"))
        add_mount_points(archive)
    return path


def libraries(binary: Path) -> list[str]:
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+)", listed)


def package_directory(directory: Path, target: str, names: Iterable[str]) -> Path:
    """What the stage of packages would hold: the installed files of each package, and the harness itself."""
    for name in names:
        for file in importlib.metadata.files(name) or []:
            is_wanted = not {"..", "__pycache__", "tests"} & set(file.parts) and "uvloop" not in file.parts[0]
            if is_wanted and Path(str(file.locate())).is_file():  # a list of files may name some that are not there
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
    """An image of the Containerfile for as long as the block lasts; its name.

    Args:
        target: the stage.
        names: the packages in it.
        programs: what its base image has beside Python.

    Raises:
        NoEngineError: Podman builds none here.
    """
    (directory / "stage").mkdir()
    stage = package_directory(directory / "stage", target, names)
    base, name = f"localhost/python-{target}:test", f"localhost/batchai-harness-{target}:test"
    words = ["build", "--format=docker", f"--target={target}", f"--build-arg={target.upper()}={base}"]
    words += [f"--build-context=packages={stage}", "--network=host", "--isolation=chroot"]
    engine.podman("import", str(python_archive(directory / "python.tar", stage, programs)), base)
    engine.podman(*words, f"--file={CONTAINERFILE}", f"--tag={name}", str(ROOT))
    yield name
    engine.podman("rmi", "--force", name)


class Container:
    """A container of an image, on the machine's own network, at ports of its own."""

    def __init__(self, engine: PodmanEngine, image: str, *options: str) -> None:
        self._engine, self._image, self._options = engine, image, options
        self._name, self._volume = (f"{word}-{secrets.token_hex(4)}" for word in ("emulator", "data"))

    def start(self) -> None:
        """Start it, and wait until it is healthy."""
        options = [f"--name={self._name}", "--network=host", f"--volume={self._volume}:/data", "--detach"]
        options += ["--no-healthcheck", *self._options]  # Podman needs systemd to run it by itself; here the tests do
        self._engine.podman("run", *options, self._image, "--port=0", "--blob-port=0", "--file-port=0")
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE
        while not self._is_healthy():
            is_running = self._engine.podman("inspect", "--format={{.State.Running}}", self._name).strip() == "true"
            assert is_running, self._engine.podman("logs", self._name)
            assert clock.monotonic() < deadline
            clock.sleep(0.2)

    def kill(self) -> None:
        """End all its processes at once; the volume stays."""
        self._engine.podman("kill", "--signal=KILL", self._name)
        self._engine.podman("wait", self._name)
        self._engine.podman("rm", "--force", self._name)

    def remove(self) -> None:
        """Leave nothing."""
        self._engine.podman("rm", "--force", "--ignore", self._name)
        self._engine.podman("volume", "rm", "--force", self._volume)

    def execute(self, *words: str) -> str:
        """What a Python in the container prints."""
        return self._engine.podman("exec", self._name, "python3", "-P", *words)

    def read(self, path: str) -> str:
        """A file in the container."""
        return self.execute("-c", f"print(open({path!r}).read(), end='')")

    def _is_healthy(self) -> bool:
        """What the health check of the image says."""
        try:
            self.execute("-m", "harness.emulator.health", "/data")
        except NoEngineError:
            return False
        return True


def endpoint_of(container: Container, directory: Path) -> Endpoint:
    """Where the emulator answers, seen from outside; its authority is copied."""
    seen = msgspec.json.decode(container.read("/data/endpoint.json"), type=Endpoint)
    authority = directory / "authority.pem"
    authority.write_text(container.read(seen.ca_path), encoding="ascii")
    proxy = re.sub(r"//[^:/]+:", "//127.0.0.1:", seen.proxy_url)
    return replace(seen, ca_path=str(authority), proxy_url=proxy)
