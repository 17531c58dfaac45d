"""The back end ``container``: jobs with an image run in containers, others as processes of this machine."""

import contextlib
import dataclasses
import fnmatch
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.clock import Clock
from harness.compute.backend import ContainerSpec, JobSpec, Plan, StartRefusedError
from harness.compute.container.engine_address import EngineError, check_engine, find_engine
from harness.compute.container.orders import Engine, Order, Owner, Remove, Sweep, encode
from harness.compute.container.planning import ContainerHost, plan_container_job
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.planning import plan_job
from harness.compute.process import ProcessBackend

# The variables that the program that speaks with the engine needs for its interpreter and for Docker.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONHOME", "PYTHONPATH", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
_REMOVAL_SECONDS = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerOptions:
    """How jobs with an image run.

    Attributes:
        host_images: whether they run on this machine without the image if no engine answers.
        image_map: replacements for images that no longer exist; the keys may contain ``*``, and the first matching key
            is used.
        user: the user of containers in Docker's notation. Empty means root, as on the service; but if the engine runs
            as root and the emulator does not, it means the emulator's user, so that this user owns the files.
    """

    host_images: bool = False
    image_map: Mapping[str, str] = dataclasses.field(default_factory=dict)
    user: str = ""


class ContainerBackend(ProcessBackend):
    """The back end that runs jobs in their images.

    Args:
        on_change, machine, clock: as for ``ProcessBackend``.
        environ: the variables by which the engine is found.
        emulator: the id of the emulator; containers with another id are never touched.
        jobs: the directory of the emulator's jobs.
        options: how jobs run.
    """

    name = "container"

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        machine: Machine,
        clock: Clock,
        environ: Mapping[str, str],
        emulator: str,
        jobs: Path,
        options: ContainerOptions,
    ) -> None:
        super().__init__(on_change, machine=machine, clock=clock)
        self._environ = environ
        self._emulator = emulator
        self._options = options
        self._removal_threads: list[threading.Thread] = []
        with contextlib.suppress(EngineError):  # jobs that need the engine report the error
            self._in_background(Sweep(Engine(self._engine()), emulator, str(jobs)))

    def plan(self, job: JobSpec) -> Plan:
        """Return the plan of a job.

        Raises:
            ToolkitError: the job cannot run in a container, or no engine answers and it may not run without one.
        """
        if job.container is None:
            return plan_job(job, self._machine)
        try:
            engine = self._engine()
        except EngineError as error:
            if not self._options.host_images:
                text = f"{error}; or let jobs run on this machine without their image (--images host)"
                raise StartRefusedError("FailedStartingContainer", text, ("imageName", job.container.image)) from error
            plan = plan_job(job, self._machine)
            return dataclasses.replace(plan, notes=(*plan.notes, str(error)))
        host = ContainerHost(
            engine,
            self._emulator,
            self._user(engine),
            locks=_cache_directory(self._environ) / "builds",
            environment=self._program_environment(),
            gpus=self._machine.gpus,
        )
        return plan_container_job(job, self._map_image(job.container), self._machine, host)

    def join(self) -> None:
        """Wait until the containers and images of earlier jobs are removed."""
        for thread in self._removal_threads:
            thread.join()
        self._removal_threads.clear()

    def _kill_remaining(self, directory: Path) -> None:
        super()._kill_remaining(directory)
        self._remove_containers(directory)

    def _discard(self, directory: Path) -> None:
        """Remove the job directory, and the containers that its clean-up has left."""
        if JobPaths(directory).uncleaned.exists():
            self._remove_containers(directory)
        super()._discard(directory)

    def _remove_containers(self, directory: Path) -> None:
        with contextlib.suppress(EngineError):  # the next start of the emulator tries again
            self._in_background(Remove(Engine(self._engine()), Owner(self._emulator, str(directory))))

    def _engine(self) -> str:
        """Return the address of the engine.

        Raises:
            EngineError: no engine answers, or the SDK is not installed.
        """
        if importlib.util.find_spec("docker") is None:
            raise EngineError("the Docker SDK is not installed: pip install 'batchai-harness[containers]'")
        address = find_engine(self._environ)
        check_engine(address)
        return address

    def _map_image(self, container: ContainerSpec) -> ContainerSpec:
        for pattern, image in self._options.image_map.items():
            if fnmatch.fnmatchcase(container.image, pattern):
                return dataclasses.replace(container, image=image)
        return container

    def _user(self, engine: str) -> str:
        if self._options.user:
            return self._options.user
        owner = Path(engine.removeprefix("unix://")).stat().st_uid
        return "0:0" if os.getuid() in (0, owner) else f"{os.getuid()}:{os.getgid()}"

    def _program_environment(self) -> dict[str, str]:
        return {name: self._environ[name] for name in _INHERITED if self._environ.get(name)}

    def _in_background(self, order: Order) -> None:
        """Run the program that speaks with the engine in a thread, with an order."""

        def execute() -> None:
            subprocess.run(
                [sys.executable, "-P", "-m", "harness.compute.container"],
                input=encode(order).encode(),
                env=self._program_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_REMOVAL_SECONDS,
                check=False,
            )

        self._removal_threads = [thread for thread in self._removal_threads if thread.is_alive()]
        self._removal_threads.append(threading.Thread(target=execute, name="container-removal", daemon=True))
        self._removal_threads[-1].start()


def _cache_directory(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "/tmp"), ".cache"))  # noqa: S108 - no home
    return Path(home, "batchai-harness")
