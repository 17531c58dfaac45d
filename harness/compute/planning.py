"""Converts a job to a plan. Pure, so that the plan can be tested as golden text."""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from harness.compute import ssh
from harness.compute.backend import Execution, JobSpec, MountSpec, NodeSpec, Plan, Step, TaskSpec
from harness.compute.machine import Machine
from harness.compute.paths import MARK, JobPaths
from harness.errors import ToolkitError
from harness.toolkits import catalogue
from harness.toolkits.toolkit import Assignment, Process

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# The parts of shell text: escaped character, single-quoted, double-quoted (unchanged), variable of the service.
_SHELL = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$(?:\{(AZ_\w+)\}|(AZ_\w+))""", re.DOTALL)
_PLAIN = re.compile(r"[\w@%+=:,./-]*")


def plan_job(
    job: JobSpec, machine: Machine, *, in_image: bool = False, separate_machines: bool = False, by_node: bool = False
) -> Plan:
    """Return the plan of a job.

    Args:
        machine: the machine or image that runs the job.
        in_image: whether ``machine`` is the image that the job requests.
        separate_machines: whether its nodes are separate machines, which reach each other at their addresses.
        by_node: whether ``ssh`` and the host file are in the directory of the first node, where the next job of that
            node reuses them, instead of in the job directory.

    Raises:
        ToolkitError: this machine cannot run the job, or a mount lies outside of the root of mounts.
    """
    paths, tools = JobPaths(job.directory), job.nodes[0].directory if by_node else job.directory
    hosts = tuple(node.address for node in job.nodes) if separate_machines else ()
    processes = catalogue.processes(job.toolkit, _assignment(job, machine, in_image=in_image, hosts=hosts))
    steps: tuple[Step, ...] = (Step("main", tuple(_execution(job, machine, process, tools) for process in processes)),)
    if job.preparation:
        steps = (Step("preparation", tuple(_preparation(job, machine, node, tools) for node in job.nodes)), *steps)
    local = [folder for node in job.nodes for folder in (paths.temporary(node.id), paths.mounts(node.id))]
    roots = [node.directory / "mounts" for node in job.nodes]
    temporary = [mount for node in job.nodes for mount in _mount_points(paths.mounts(node.id), job.job_mounts)]
    cluster = [mount for root in roots for mount in _mount_points(root, job.cluster_mounts)]
    written = dict.fromkeys((job.stdouterr, _log_directory(job), *job.outputs.values()))
    return Plan(
        directory=job.directory,
        directories=(paths.shared, ssh.folder(tools), *local, *roots, *written),
        links=_links([*cluster, *temporary]),
        temporary=tuple(path for path, _ in _links(temporary)),
        files={
            hostfile(tools): f"{(*hosts, 'localhost')[0]} slots={max(len(processes), len(job.nodes), machine.cpus)}\n",
            ssh.folder(tools) / "ssh": ssh.script(machine.shell, machine.environment["PATH"]),
        },
        steps=(*_mounting([*cluster, *temporary], machine, paths), *steps),
        logs=_logs(job),
        notes=_notes(job, machine, processes, in_image=in_image, separate_machines=separate_machines),
        wall_clock=job.wall_clock,
    )


def plan_task(task: TaskSpec, machine: Machine) -> Plan:
    """Return the plan of a node's set-up task."""
    root, paths = task.node.directory / "mounts", JobPaths(task.directory)
    mounts = _mount_points(root, task.mounts)
    variables = {"AZ_BATCHAI_MOUNT_ROOT": str(root), "AZ_BATCHAI_STDOUTERR_DIR": str(task.stdouterr)}
    environment = {
        **machine.environment,
        **variables,
        **{name: expand_variables(value, variables) for name, value in task.environment.items()},
        **task.secrets,
        MARK: str(task.directory),
    }
    execution = Execution(
        argv=(machine.shell, "-c", quote_variables(task.command, variables)),
        environment=environment,
        cwd=task.node.directory,
        stdout=task.stdouterr / f"stdout-{task.node.id}.txt",
        stderr=task.stdouterr / f"stderr-{task.node.id}.txt",
    )
    return Plan(
        directory=task.directory,
        directories=(root, task.stdouterr),
        links=_links(mounts),
        temporary=(),
        files={},
        steps=(*_mounting(mounts, machine, paths), Step("main", (execution,))),
        logs=(),
        notes=(),
        wall_clock=None,
    )


def expand_variables(value: str, variables: Mapping[str, str]) -> str:
    """Replace ``$NAME`` and ``${NAME}`` by their values; unknown variables and other text are unchanged."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), value)


def quote_variables(command: str, variables: Mapping[str, str]) -> str:
    """Put the service's variables in a command into double quotes if their value is not one plain word.

    On Azure these paths contain no spaces, so users do not quote them; here a home directory may contain one.
    """

    def quote(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0] if not name or _PLAIN.fullmatch(variables.get(name, "")) else f'"{match[0]}"'

    return _SHELL.sub(quote, command)


def hostfile(tools: Path) -> Path:
    """The path of Open MPI's host file, next to the directory of ``ssh``."""
    return tools / "hostfile"


def variables_of(job: JobSpec, node: NodeSpec, tools: Path) -> dict[str, str]:
    """Return the service's variables on a node; the toolkits add theirs."""
    paths = JobPaths(job.directory)
    variables = {
        "AZ_BATCHAI_MOUNT_ROOT": str(node.directory / "mounts"),
        "AZ_BATCHAI_JOB_MOUNT_ROOT": str(paths.mounts(node.id)),
        "AZ_BATCHAI_JOB_TEMP": str(paths.temporary(node.id)),
        "AZ_BATCHAI_JOB_TEMP_DIR": str(paths.node(node.id)),
        "AZ_BATCHAI_SHARED_JOB_TEMP": str(paths.shared),
        "AZ_BATCHAI_STDOUTERR_DIR": str(job.stdouterr),
        "AZ_BATCHAI_MPI_HOST_FILE": str(hostfile(tools)),
        "AZ_BATCHAI_NUM_GPUS": str(node.gpus),
        "AZ_BATCH_HOST_LIST": ",".join(other.address for other in job.nodes),
    }
    variables |= {f"AZ_BATCHAI_OUTPUT_{name}": str(path) for name, path in job.outputs.items()}
    variables |= {f"AZ_BATCHAI_INPUT_{name}": expand_variables(path, variables) for name, path in job.inputs.items()}
    return variables | {name: expand_variables(value, variables) for name, value in job.variables.items()}


def _environment(job: JobSpec, machine: Machine, node: NodeSpec, tools: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return all variables of a process, and those of the service, which users cannot override."""
    variables = variables_of(job, node, tools)
    available = {**machine.environment, **variables}
    user = {name: expand_variables(value, available) for name, value in job.environment.items()}
    environment = {**machine.environment, **user, **job.secrets, **variables, MARK: str(job.directory)}
    environment["PATH"] = f"{ssh.folder(tools)}:{environment['PATH']}"
    if machine.gpus:
        gpus = node.gpus_of(machine.gpus)
        environment["AZ_BATCHAI_NUM_GPUS"] = variables["AZ_BATCHAI_NUM_GPUS"] = str(len(gpus))
        environment["CUDA_VISIBLE_DEVICES"] = _visible_gpus(gpus, user.get("CUDA_VISIBLE_DEVICES"))
    return environment, variables


def _visible_gpus(gpus: tuple[int, ...], selection: str | None) -> str:
    """Return the GPUs that a process sees: all of its node, or those that the job selects, counted from 0."""
    if selection is None:
        return ",".join(map(str, gpus))
    by_name = {str(index): str(gpu) for index, gpu in enumerate(gpus)}  # a name may be as long as a client likes
    return ",".join(by_name[name.strip()] for name in selection.split(",") if name.strip() in by_name)


def _execution(job: JobSpec, machine: Machine, process: Process, tools: Path) -> Execution:
    node = next(node for node in job.nodes if node.id == process.node.id)
    environment, variables = _environment(job, machine, node, tools)
    defaults = {name: value for name, value in process.environment.items() if name not in job.environment}
    if "PYTHONPATH" in process.environment and "PYTHONPATH" in job.environment:
        defaults["PYTHONPATH"] = f"{process.environment['PYTHONPATH']}:{environment['PYTHONPATH']}"
    return Execution(
        argv=(machine.shell, "-c", quote_variables(process.command, variables)),
        environment={**environment, **defaults},
        cwd=JobPaths(job.directory).temporary(node.id),
        stdout=job.stdouterr / job.stdout.replace("{label}", process.label),
        stderr=job.stdouterr / job.stderr.replace("{label}", process.label),
        leads=process.leads,
    )


def _preparation(job: JobSpec, machine: Machine, node: NodeSpec, tools: Path) -> Execution:
    environment, variables = _environment(job, machine, node, tools)
    return Execution(
        argv=(machine.shell, "-c", quote_variables(job.preparation or "", variables)),
        environment=environment,
        cwd=JobPaths(job.directory).temporary(node.id),
        stdout=_log_directory(job) / "stdout-job_prep.txt",
        stderr=_log_directory(job) / "stderr-job_prep.txt",
    )


def _assignment(job: JobSpec, machine: Machine, *, in_image: bool, hosts: tuple[str, ...]) -> Assignment:
    return Assignment(
        settings=job.settings,
        nodes=job.nodes,
        pythons=machine.pythons,
        packages=machine.packages,
        mpirun=machine.mpirun,
        cpus=machine.cpus,
        shared=str(JobPaths(job.directory).shared),
        cntk=machine.cntk,
        names_python=in_image or job.container is None,
        hosts=hosts,
    )


def _mount_points(root: Path, mounts: Iterable[MountSpec]) -> list[tuple[Path, MountSpec]]:
    """Pair each mount with its path on this machine."""
    mount_points = []
    for mount in mounts:
        relative = PurePosixPath(mount.path)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise ToolkitError(f"the mount path {mount.path!r} does not lie below the root of mounts")
        mount_points.append((root / relative, mount))
    return mount_points


def _links(mount_points: Iterable[tuple[Path, MountSpec]]) -> tuple[tuple[Path, Path], ...]:
    return tuple((path, mount.source) for path, mount in mount_points if mount.source is not None)


def _mounting(mount_points: Iterable[tuple[Path, MountSpec]], machine: Machine, paths: JobPaths) -> tuple[Step, ...]:
    """Return the step that mounts unmanaged file systems: like Batch AI, it appends the path to the user's command."""
    executions = tuple(
        Execution(
            argv=(machine.shell, "-c", f"mkdir -p {target} && {mount.command} {target}"),
            environment={**machine.environment, MARK: str(paths.root)},
            cwd=paths.root,
            stdout=paths.mounting,
            stderr=paths.mounting,
        )
        for path, mount in mount_points
        if mount.command is not None
        for target in [shlex.quote(str(path))]
    )
    return (Step("mounting", executions),) if executions else ()


def _logs(job: JobSpec) -> tuple[Path, ...]:
    if job.per_node_logs:
        return tuple(_log_directory(job) / f"execution-{node.id}.log" for node in job.nodes)
    return (_log_directory(job) / "execution.log",)


def _log_directory(job: JobSpec) -> Path:
    return job.logs or job.stdouterr


def _notes(
    job: JobSpec, machine: Machine, processes: tuple[Process, ...], *, in_image: bool, separate_machines: bool
) -> tuple[str, ...]:
    notes = [f"job {job.name}: {len(job.nodes)} node(s){'' if separate_machines else ', all of them this machine'}"]
    notes += sorted({process.note for process in processes if process.note})
    notes += sorted({f"interpreter: {process.python}" for process in processes if process.python})
    if job.container and not in_image:
        notes.append(f"container image {job.container.image} is not used: the job runs on the host")
        if job.settings.get("pythonInterpreterPath"):
            notes.append(f"pythonInterpreterPath {job.settings['pythonInterpreterPath']} lies in that image: not used")
    if machine.gpus == 0 and any(node.gpus for node in job.nodes) and not separate_machines:
        notes.append("no GPU on this machine: the job runs on the CPU")
    return tuple(notes)
