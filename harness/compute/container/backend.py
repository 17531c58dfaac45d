"""Jobs with an image in containers; jobs without one as processes of this machine."""

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
from harness.compute.container.planning import Site, plan_container_job
from harness.compute.machine import Machine
from harness.compute.paths import JobPaths
from harness.compute.planning import plan_job
from harness.compute.process import ProcessBackend

# What the program that speaks with the engine needs: its own interpreter's surroundings, and where Docker's are.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONHOME", "PYTHONPATH", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
_REMOVAL_SECONDS = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerOptions:
    """How jobs with an image run.

    Attributes:
        host_images: whether they run on this machine, without the image, where no engine answers.
        image_map: what is run in place of images that no longer exist; the names may hold ``*``, and the first that
            fits wins.
        user: whom containers run as, as Docker writes it; empty for the service's own, root, unless the engine is one
            of root's and the emulator is not: then the emulator's user, so that files stay theirs.
    """

    host_images: bool = False
    image_map: Mapping[str, str] = dataclasses.field(default_factory=dict)
    user: str = ""


class ContainerBackend(ProcessBackend):
    """The back end that runs images.

    Args:
        on_change, machine, clock: as for processes.
        environ: where the engine is looked for.
        emulator: the id of the emulator: containers with another one are never touched.
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
        self._removals: list[threading.Thread] = []
        with contextlib.suppress(EngineError):  # the jobs that need it will say so
            self._in_background(Sweep(Engine(self._engine()), emulator, str(jobs)))

    def plan(self, job: JobSpec) -> Plan:
        """The steps of ``job``.

        Raises:
            ToolkitError: it cannot run in a container, or no engine answers and it may not run without.
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
        site = Site(
            engine,
            self._emulator,
            self._user(engine),
            locks=_cache(self._environ) / "builds",
            environment=self._surroundings(),
            gpus=self._machine.gpus,
        )
        return plan_container_job(job, self._mapped(job.container), self._machine, site)

    def join(self) -> None:
        """Wait until everything is removed that was left of earlier jobs."""
        for removal in self._removals:
            removal.join()
        self._removals.clear()

    def _end_remains(self, directory: Path) -> None:
        super()._end_remains(directory)
        self._remove_containers(directory)

    def _discard(self, directory: Path) -> None:
        """Remove the job directory, and what its clean-up has left at the engine."""
        if JobPaths(directory).uncleaned.exists():
            self._remove_containers(directory)
        super()._discard(directory)

    def _remove_containers(self, directory: Path) -> None:
        with contextlib.suppress(EngineError):  # the next start of the emulator looks again
            self._in_background(Remove(Engine(self._engine()), Owner(self._emulator, str(directory))))

    def _engine(self) -> str:
        """The address of the engine.

        Raises:
            EngineError: no engine answers, or the SDK is not installed.
        """
        if importlib.util.find_spec("docker") is None:
            raise EngineError("the Docker SDK is not installed: pip install 'batchai-harness[containers]'")
        address = find_engine(self._environ)
        check_engine(address)
        return address

    def _mapped(self, container: ContainerSpec) -> ContainerSpec:
        for pattern, image in self._options.image_map.items():
            if fnmatch.fnmatchcase(container.image, pattern):
                return dataclasses.replace(container, image=image)
        return container

    def _user(self, engine: str) -> str:
        if self._options.user:
            return self._options.user
        owner = Path(engine.removeprefix("unix://")).stat().st_uid
        return "0:0" if os.getuid() in (0, owner) else f"{os.getuid()}:{os.getgid()}"

    def _surroundings(self) -> dict[str, str]:
        return {name: self._environ[name] for name in _INHERITED if self._environ.get(name)}

    def _in_background(self, order: Order) -> None:
        """Have the program that speaks with the engine carry out an order; nobody waits for it."""

        def carry_out() -> None:
            subprocess.run(
                [sys.executable, "-P", "-m", "harness.compute.container"],
                input=encode(order).encode(),
                env=self._surroundings(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_REMOVAL_SECONDS,
                check=False,
            )

        self._removals = [removal for removal in self._removals if removal.is_alive()]
        self._removals.append(threading.Thread(target=carry_out, name="container-removal", daemon=True))
        self._removals[-1].start()


def _cache(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", "/tmp"), ".cache"))  # noqa: S108 - no home
    return Path(home, "batchai-harness")
