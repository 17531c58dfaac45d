"""A container engine for tests: Podman's service with a separate storage and image, and without a registry.

The image contains a few programs of this machine and their libraries; its creation takes a second.
"""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clock import SystemClock
from harness.compute.container.engine_address import EngineError, check_engine

IMAGE, SHELL_LESS = "localhost/batchai-test:1", "localhost/batchai-test:no-shell"
_PROGRAMS = (
    "sh", "bash", "cat", "sleep", "mkdir", "setsid", "id", "ls", "cp", "rm", "ln", "env", "touch", "tail", "tee",
    "mktemp", "mkfifo", "seq", "dirname", "grep", "nproc", "sed", "date",
)  # fmt: skip
_SECONDS = 120.0  # the time limit of a command of Podman
# The runtime crun refuses hybrid cgroups, and its default limits are more than some sandboxes allow.
_CONFIGURATIONS = (
    "",
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\n',
)


class NoEngineError(Exception):
    """This machine runs no containers; the message says why."""


@dataclass(frozen=True, slots=True)
class PodmanEngine:
    """An engine that answers at ``address`` and has ``IMAGE`` and ``SHELL_LESS``."""

    address: str
    directory: Path
    environment: dict[str, str]

    def podman(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run a command of Podman on the storage of this engine; return its output."""
        return _podman(arguments, self.environment, stdin=stdin)

    def names(self) -> list[str]:
        """Return the names of all containers, running or not."""
        return self.podman("ps", "--all", "--format", "{{.Names}}").split()

    def images(self) -> set[str]:
        """Return the names of all images."""
        return set(self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split())

    def volumes(self) -> list[str]:
        """Return the names of all volumes."""
        return self.podman("volume", "ls", "--quiet").split()


@contextmanager
def container_engine() -> Iterator[PodmanEngine]:
    """Run an engine for the duration of the block.

    Raises:
        NoEngineError: Podman is not installed, or cannot run containers on this machine.
    """
    if shutil.which("podman") is None:
        raise NoEngineError("podman is not installed")
    directory = Path(tempfile.mkdtemp(prefix="bh-podman-"))
    try:
        environment = _working_configuration(directory)
        socket = directory / "podman.sock"
        service = subprocess.Popen(
            [*_end_with_tests(), "podman", "system", "service", "--time=0", f"unix://{socket}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with service:
            try:
                engine = PodmanEngine(f"unix://{socket}", directory, environment)
                _wait_for(engine)
                yield engine
            finally:
                service.terminate()
    finally:
        subprocess.run(["umount", str(directory / "storage" / "overlay")], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(directory, ignore_errors=True)


def image_archive(path: Path, programs: Sequence[str]) -> Path:
    """Create a tar file with programs of this machine in ``/bin``, and the libraries that they need."""
    added: set[str] = set()
    with tarfile.open(path, "w") as archive:
        for program in programs:
            executable = shutil.which(program)
            if executable is None:
                raise NoEngineError(f"there is no {program} on this machine for an image")
            output = subprocess.run(["ldd", executable], capture_output=True, text=True, check=False).stdout
            libraries = [(library, library) for library in re.findall(r"(/\S+)", output)]
            for file, name in [(executable, f"bin/{program}"), *libraries]:
                if name not in added:
                    added.add(name)
                    archive.add(os.path.realpath(file), arcname=name.lstrip("/"))
        add_mount_points(archive)
    return path


def add_mount_points(archive: tarfile.TarFile) -> None:
    """Add the empty directories that a container needs."""
    for name in ("tmp", "etc", "proc", "sys", "dev"):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
        archive.addfile(entry)


def _working_configuration(directory: Path) -> dict[str, str]:
    """Return an environment in which Podman can run containers on this machine."""
    images = {
        IMAGE: image_archive(directory / "image.tar", _PROGRAMS),
        SHELL_LESS: image_archive(directory / "no-shell.tar", ("cat", "env")),
    }
    storage = directory / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{directory}/run"\ngraphroot = "{directory}/storage"\n'
    )
    (directory / "registries.conf").write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR") if name in os.environ}
    plain["CONTAINERS_STORAGE_CONF"] = str(storage)
    plain["CONTAINERS_REGISTRIES_CONF"] = str(directory / "registries.conf")
    refusals = []
    for number, text in enumerate(_CONFIGURATIONS):
        configuration = directory / f"containers-{number}.conf"
        configuration.write_text(text)
        environment = plain | ({"CONTAINERS_CONF": str(configuration)} if text else {})
        try:
            for name, archive in images.items():
                _podman(["import", str(archive), name], environment)
            _podman(["run", "--rm", "--network=host", IMAGE, "/bin/sh", "-c", "exit 0"], environment)
        except NoEngineError as error:
            refusals.append(str(error))
            continue
        return environment
    raise NoEngineError(f"podman runs no container here: {refusals[-1]}")


def _podman(arguments: Sequence[str], environment: dict[str, str], *, stdin: bytes | None = None) -> str:
    try:
        process = subprocess.run(
            ["podman", *arguments], env=environment, input=stdin, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoEngineError(f"podman {arguments[0]} did not end") from error
    if process.returncode != 0:
        raise NoEngineError(process.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return process.stdout.decode()


def _wait_for(engine: PodmanEngine) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + _SECONDS
    while True:
        try:
            check_engine(engine.address)
        except EngineError as error:
            if clock.monotonic() > deadline:
                raise NoEngineError(str(error)) from error
            clock.sleep(0.05)
        else:
            return


def _end_with_tests() -> list[str]:
    """Return a prefix of a command line that ends the service when the tests are killed, if util-linux has it."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
