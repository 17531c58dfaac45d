"""The plan of a job that runs in containers: that of its processes, each with a container around it. Pure.

A container sees the directories that the job needs under the paths that they have on this machine, so every variable
and every path of the plan means the same inside.
"""

import dataclasses
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.compute import ssh
from harness.compute.backend import ContainerSpec, Execution, JobSpec, Plan, Step
from harness.compute.container.orders import Build, Engine, GetImage, Image, Order, Owner, Remove, Run, encode
from harness.compute.machine import Machine
from harness.compute.paths import MARK, JobPaths
from harness.compute.planning import plan_job
from harness.errors import ToolkitError
from harness.toolkits.interpreters import Cntk

_GRACE = 10.0  # seconds between SIGTERM and SIGKILL, as `docker stop` has them
_SHELL = "/bin/sh"  # or the image's bash, where it has one
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Site:
    """What is the same for all containers of an emulator.

    Attributes:
        engine: the address of the container engine.
        emulator: the id of the emulator.
        user: whom containers run as, as Docker writes it; empty for the image's own user.
        locks: a directory for the locks of builds.
        environment: of the program that speaks with the engine.
        gpus: how many GPUs this machine has.
    """

    engine: str
    emulator: str
    user: str
    locks: Path
    environment: Mapping[str, str] = field(repr=False)
    gpus: int = 0


def plan_container_job(job: JobSpec, container: ContainerSpec, machine: Machine, site: Site) -> Plan:
    """The plan of a job in an image.

    Args:
        container: the image to run in; its name may be another than the one that the job asks for.

    Raises:
        ToolkitError: the job cannot run in a container; the message says why.
    """
    if any(mount.command is not None for mount in (*job.cluster_mounts, *job.job_mounts)):
        raise ToolkitError(
            "what a mount command mounts is seen by the job alone, not by the engine of its container; "
            "mount a share or a blob container instead, or run the job without an image"
        )
    plan = plan_job(job, _inside(machine), in_image=True)
    paths, asked = JobPaths(job.directory), job.container.image if job.container else container.image
    owner = Owner(site.emulator, str(job.directory))
    engine = Engine(site.engine)
    is_kept = job.preparation and not job.prepares_on_host
    prepared = f"batchai-harness/{_identifier(job.directory.name)}" if is_kept else ""
    image = Image(container.image, container.user_name, container.password, asked_for=asked)
    steps = tuple(
        _contained(step, plan, job, container=container, site=site, prepared=prepared)
        for step in plan.steps
        if step.name != "preparation" or not job.prepares_on_host
    )
    if job.preparation and job.prepares_on_host:
        steps = (plan_job(job, machine).steps[0], *steps)
    getting = GetImage(
        engine,
        owner,
        image,
        tuple(map(str, plan.logs)),
        facts=str(paths.image),
        refusal=str(paths.refusal("image")),
        build=_build(container, site),
    )
    wanted = Step("image", (_program(paths, site, getting, refusal=paths.refusal("image")),))
    return dataclasses.replace(
        plan,
        directories=(*plan.directories, paths.containers),
        files={**plan.files, ssh.folder(job.directory) / "ssh": ssh.script(_SHELL, _PATH)},
        steps=(wanted, *steps),
        notes=(*plan.notes, *_notes(job, container, site, asked)),
        cleanup=(dataclasses.replace(_program(paths, site, Remove(engine, owner)), remains=paths.containers),),
        grace=_GRACE,
    )


def _build(container: ContainerSpec, site: Site) -> Build | None:
    build = container.build
    if build is None:
        return None
    context = str(build.context) if build.context else ""
    return Build(build.conda, context, build.dockerfile, log=str(build.log), locks=str(site.locks))


def _inside(machine: Machine) -> Machine:
    """What an image is expected to offer, as long as nobody has looked into it."""
    return dataclasses.replace(
        machine,
        environment={"PATH": "$PATH"},  # replaced by the image's own where the container is made
        pythons=("python",),
        packages=lambda _python: {},
        shell=_SHELL,
        mpirun="mpirun",
        cntk=lambda: Cntk("python", "CNTK of the image"),
    )


def _contained(step: Step, plan: Plan, job: JobSpec, *, container: ContainerSpec, site: Site, prepared: str) -> Step:
    """A step whose processes each run in a container."""
    paths = JobPaths(job.directory)
    executions = []
    for number, execution in enumerate(step.executions):
        name = f"{step.name}-{number}"
        node = next(node for node in job.nodes if execution.cwd == paths.temporary(node.id))
        tag = f"{prepared}:node-{job.nodes.index(node)}" if prepared else ""
        order = Run(
            engine=Engine(site.engine),
            owner=Owner(site.emulator, str(job.directory)),
            name=f"batchai-{_identifier(job.name)}-{name}",
            facts=str(paths.image),
            prepared=tag,
            prepares=step.name == "preparation",
            command=execution.argv[-1],
            environment=_environment(execution, site, node.id, paths),
            cwd=str(execution.cwd),
            mounts=_mounts(job, plan),
            read_only=(str(job.directory), *map(str, dict.fromkeys(job.reads))),
            user=site.user,
            shared_memory=container.shared_memory,
            gpus=min(node.gpus, site.gpus),
            image=container.image,
            refusal=str(paths.refusal(name)),
            trace=str(paths.containers / name),
        )
        program = _program(paths, site, order, refusal=paths.refusal(name))
        executions.append(
            dataclasses.replace(
                program, stdout=execution.stdout, stderr=execution.stderr, cwd=execution.cwd, leads=execution.leads
            )
        )
    return Step(step.name, tuple(executions))


def _environment(execution: Execution, site: Site, node: str, paths: JobPaths) -> dict[str, str]:
    """The variables of a process. A user that the image does not know has no home there."""
    home = {"HOME": str(paths.temporary(node))} if site.user.partition(":")[0] not in ("", "0", "root") else {}
    return home | dict(execution.environment)


def _mounts(job: JobSpec, plan: Plan) -> tuple[str, ...]:
    """What a job may write: its own directories, those of its outputs, and what its mounts show."""
    shown = [mount.source for mount in (*job.cluster_mounts, *job.job_mounts) if mount.source is not None]
    wanted = dict.fromkeys(map(str, (*plan.directories, *shown, *job.writes)))
    return tuple(
        path for path in wanted if not any(Path(path).is_relative_to(other) for other in wanted if other != path)
    )


def _program(paths: JobPaths, site: Site, order: Order, *, refusal: Path | None = None) -> Execution:
    """The program that speaks with the engine. Its order is in no command line, because it holds secrets."""
    return Execution(
        argv=(sys.executable, "-P", "-m", "harness.compute.container"),
        environment={**site.environment, MARK: str(paths.root)},
        cwd=paths.root,
        stdout=paths.engine_log,
        stderr=paths.engine_log,
        stdin=encode(order),
        refusal=refusal,
    )


def _notes(job: JobSpec, container: ContainerSpec, site: Site, asked: str) -> list[str]:
    instead = f", in place of {asked}" if asked != container.image else ""
    image = container.image or "of a build context"
    notes = [f"container image {image}{instead}, run by the engine at {site.engine}"]
    if site.gpus and any(node.gpus for node in job.nodes):
        notes.append(f"GPUs are passed on to the containers: {site.gpus} on this machine")
    return notes


def _identifier(text: str) -> str:
    """A text as names of containers and images may have it."""
    return _NOT_IN_NAMES.sub("-", text).strip("-_.").lower()[:100] or "job"
