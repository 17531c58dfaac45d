"""Environments with third-party clients, created once and kept in the user's cache."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.file_lock import lock_file

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with launch(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def environment_of() -> Callable[[str], Path]:
    """Returns the virtual environment of a requirements file in this directory, by its name.

    Skips if the file's interpreter is missing, or if its packages cannot be installed; in CI the latter is a failure.
    """

    def prepare(name: str) -> Path:
        requirements = (HERE / f"{name}.txt").read_text(encoding="utf-8")
        version = requirements.split("# python ", 1)[1].split(maxsplit=1)[0]
        python = _interpreter(version)
        if python is None:
            pytest.skip(f"Python {version} is not on this machine; {name} needs it")
        digest = hashlib.sha256(f"{python}\n{requirements}".encode()).hexdigest()[:16]
        directory = _cache() / f"{name}-{digest}"
        directory.mkdir(parents=True, exist_ok=True)
        with lock_file(directory / "lock", wait=None):
            if not (directory / "complete").exists():
                _install(python, directory, HERE / f"{name}.txt", requirements)
                (directory / "complete").touch()
        return directory

    return prepare


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchai-harness" / "foreign"


def _interpreter(version: str) -> Path | None:
    """Return ``pythonX.Y`` of pyenv, or of the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    pythons: list[Path] = []
    with contextlib.suppress(PermissionError):  # PYENV_ROOT may name another user's directory
        pythons = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    if pythons:
        return pythons[-1]
    program = shutil.which(f"python{version}")
    return Path(program) if program else None


def _install(python: Path, directory: Path, file: Path, requirements: str) -> None:
    pip = [str(directory / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    first = [line for line in requirements.splitlines() if line.startswith("pip==")]
    # Every package is pinned, and pip must not resolve them, because the requirements of some contradict each other.
    commands = [
        [str(python), "-m", "venv", str(directory)],
        *([[*pip, *first]] if first else []),
        [*pip, "--no-deps", "-r", str(file)],
    ]
    for command in commands:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode != 0:
            reason = f"{file.name} cannot be installed: {process.stderr.strip()[-600:]}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The directory with the packages of ``node/package-lock.json``; skips and fails like ``environment_of``."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    lock = (HERE / "node" / "package-lock.json").read_bytes()
    directory = _cache() / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        lock_file(file)
        if not (directory / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "node" / name, directory)
            _install_by(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], directory)
            (directory / "complete").touch()
    return directory / "node_modules"


def _install_by(command: list[str], directory: Path) -> None:
    process = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        reason = f"{' '.join(command)} failed: {(process.stderr or process.stdout).strip()[-600:]}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture
def run_program(endpoint: Endpoint, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a program as its user would, in an empty directory; adds only the emulator's variables.

    There is no time limit, because none would be right on a busy machine.
    """

    def run(*command: str, path: str = "/usr/bin:/bin", **variables: str) -> "subprocess.CompletedProcess[str]":
        with tempfile.TemporaryDirectory(prefix="home-") as home:
            environment = {"HOME": home, "PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
            return subprocess.run(
                command,
                cwd=tmp_path,
                env=environment | variables | endpoint.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )

    return run


@pytest.fixture
def run_client(
    environment_of: Callable[[str], Path], run_program: Callable[..., "subprocess.CompletedProcess[str]"]
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a program in the environment of a requirements file."""

    def run(requirements: str, *command: str) -> "subprocess.CompletedProcess[str]":
        return run_program(*command, path=f"{environment_of(requirements) / 'bin'}:/usr/bin:/bin")

    return run
