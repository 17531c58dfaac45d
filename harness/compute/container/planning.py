"""The plan of a job in containers: the plan of its processes, each of which runs in a container. Pure.

The directories that the job needs have the same paths in a container as on this machine, so every variable and every
path of the plan is valid in both.
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

_GRACE = 10.0  # seconds between SIGTERM and SIGKILL, the default of `docker stop`
_SHELL = "/bin/sh"  # an image with bash uses that instead
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class ContainerHost:
    """The settings that all containers of an emulator share.

    Attributes:
        engine: the address of the container engine.
        emulator: the id of the emulator.
        user: the user of containers in Docker's notation; empty for the image's default.
        locks: a directory for the locks of builds.
        environment: the variables of the program that speaks with the engine.
        gpus: the number of GPUs of this machine.
    """

    engine: str
    emulator: str
    user: str
    locks: Path
    environment: Mapping[str, str] = field(repr=False)
    gpus: int = 0


def plan_container_job(job: JobSpec, container: ContainerSpec, machine: Machine, host: ContainerHost) -> Plan:
    """Return the plan of a job in an image.

    Args:
        container: the image to run in; its name may differ from the one that the job requests.

    Raises:
        ToolkitError: the job cannot run in a container; the message says why.
    """
    if any(mount.command is not None for mount in (*job.cluster_mounts, *job.job_mounts)):
        raise ToolkitError(
            "the mounts of a mount command are visible to the job alone, not to the engine of its container; "
            "mount a share or a blob container instead, or run the job without an image"
        )
    plan = plan_job(job, _image_machine(machine), in_image=True)
    paths, requested = JobPaths(job.directory), job.container.image if job.container else container.image
    owner = Owner(host.emulator, str(job.directory))
    engine = Engine(host.engine)
    prepares_image = job.preparation and not job.prepares_on_host
    prepared = f"batchai-harness/{_identifier(job.directory.name)}" if prepares_image else ""
    image = Image(container.image, container.user_name, container.password, asked_for=requested)
    steps = tuple(
        _containerize(step, plan, job, container=container, host=host, prepared=prepared)
        for step in plan.steps
        if step.name != "preparation" or not job.prepares_on_host
    )
    if job.preparation and job.prepares_on_host:
        steps = (plan_job(job, machine).steps[0], *steps)
    order = GetImage(
        engine,
        owner,
        image,
        tuple(map(str, plan.logs)),
        facts=str(paths.image),
        refusal=str(paths.refusal("image")),
        build=_build(container, host),
    )
    image_step = Step("image", (_program(paths, host, order, refusal=paths.refusal("image")),))
    return dataclasses.replace(
        plan,
        directories=(*plan.directories, paths.containers),
        files={**plan.files, ssh.folder(job.directory) / "ssh": ssh.script(_SHELL, _PATH)},
        steps=(image_step, *steps),
        notes=(*plan.notes, *_notes(job, container, host, requested)),
        cleanup=(dataclasses.replace(_program(paths, host, Remove(engine, owner)), remains=paths.containers),),
        grace=_GRACE,
    )


def _build(container: ContainerSpec, host: ContainerHost) -> Build | None:
    build = container.build
    if build is None:
        return None
    context = str(build.context) if build.context else ""
    return Build(build.conda, context, build.dockerfile, log=str(build.log), locks=str(host.locks))


def _image_machine(machine: Machine) -> Machine:
    """Return the machine that an image is assumed to be before it is inspected."""
    return dataclasses.replace(
        machine,
        environment={"PATH": "$PATH"},  # replaced by the image's search path when the container is created
        pythons=("python",),
        packages=lambda _python: {},
        shell=_SHELL,
        mpirun="mpirun",
        cntk=lambda: Cntk("python", "CNTK of the image"),
    )


def _containerize(
    step: Step, plan: Plan, job: JobSpec, *, container: ContainerSpec, host: ContainerHost, prepared: str
) -> Step:
    """Return a step whose processes each run in a container."""
    paths = JobPaths(job.directory)
    executions = []
    for number, execution in enumerate(step.executions):
        name = f"{step.name}-{number}"
        node = next(node for node in job.nodes if execution.cwd == paths.temporary(node.id))
        tag = f"{prepared}:node-{job.nodes.index(node)}" if prepared else ""
        order = Run(
            engine=Engine(host.engine),
            owner=Owner(host.emulator, str(job.directory)),
            name=f"batchai-{_identifier(job.name)}-{name}",
            facts=str(paths.image),
            prepared=tag,
            prepares=step.name == "preparation",
            command=execution.argv[-1],
            environment=_environment(execution, host, node.id, paths),
            cwd=str(execution.cwd),
            mounts=_mounts(job, plan),
            read_only=(str(job.directory), *map(str, dict.fromkeys(job.reads))),
            user=host.user,
            shared_memory=container.shared_memory,
            gpus=min(node.gpus, host.gpus),
            image=container.image,
            refusal=str(paths.refusal(name)),
            trace=str(paths.containers / name),
        )
        program = _program(paths, host, order, refusal=paths.refusal(name))
        executions.append(
            dataclasses.replace(
                program, stdout=execution.stdout, stderr=execution.stderr, cwd=execution.cwd, leads=execution.leads
            )
        )
    return Step(step.name, tuple(executions))


def _environment(execution: Execution, host: ContainerHost, node: str, paths: JobPaths) -> dict[str, str]:
    """Return the variables of a process. A user that the image does not know gets a home directory."""
    home = {"HOME": str(paths.temporary(node))} if host.user.partition(":")[0] not in ("", "0", "root") else {}
    return home | dict(execution.environment)


def _mounts(job: JobSpec, plan: Plan) -> tuple[str, ...]:
    """Return the paths that a job may write to: its directories, its outputs, and the sources of its mounts."""
    sources = [mount.source for mount in (*job.cluster_mounts, *job.job_mounts) if mount.source is not None]
    paths = dict.fromkeys(map(str, (*plan.directories, *sources, *job.writes)))
    return tuple(
        path for path in paths if not any(Path(path).is_relative_to(other) for other in paths if other != path)
    )


def _program(paths: JobPaths, host: ContainerHost, order: Order, *, refusal: Path | None = None) -> Execution:
    """Return the program that speaks with the engine. Its order contains secrets, so no command line contains it."""
    return Execution(
        argv=(sys.executable, "-P", "-m", "harness.compute.container"),
        environment={**host.environment, MARK: str(paths.root)},
        cwd=paths.root,
        stdout=paths.engine_log,
        stderr=paths.engine_log,
        stdin=encode(order),
        refusal=refusal,
    )


def _notes(job: JobSpec, container: ContainerSpec, host: ContainerHost, requested: str) -> list[str]:
    instead = f", in place of {requested}" if requested != container.image else ""
    image = container.image or "of a build context"
    notes = [f"container image {image}{instead}, run by the engine at {host.engine}"]
    if host.gpus and any(node.gpus for node in job.nodes):
        notes.append(f"GPUs are passed on to the containers: {host.gpus} on this machine")
    return notes


def _identifier(text: str) -> str:
    """Convert a text to a valid name of a container or image."""
    return _NOT_IN_NAMES.sub("-", text).strip("-_.").lower()[:100] or "job"
