"""The command line of a job: the launch script with its arguments, and the scenario's command. Pure.

The paths of inputs and outputs are known only on the node: the service substitutes them for expressions such as
``${{inputs.SAMPLE}}``, and only in the command.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.scenario.consistency import below_mount_root
from harness.scenario.job import JobSpec
from harness.scenario.shell_quoting import quote_except

SCRIPT = "batchai_launch.sh"
"""The name of the launch script in the code of a job."""

STREAMS = "harness_stdouterr"
"""The output that receives standard output and standard error."""

_VOLUME = "harness_volume"  # prefix of the inputs that are entire shares and containers
_SERVICE_VARIABLE = re.compile(r"\$(?:\{AZ_BATCHAI_\w+\}|AZ_BATCHAI_\w+)", re.ASCII)
_SCRIPTED = frozenset({"cntk", "tensorFlow", "pyTorch", "caffe", "caffe2", "chainer", "horovod"})


@dataclass(frozen=True, slots=True)
class MountedVolume:
    """A share or a container that jobs mount.

    Attributes:
        datastore: the workspace's name for it.
        mount: its path under ``$AZ_BATCHAI_MOUNT_ROOT``.
    """

    datastore: str
    mount: str

    def uri(self, path: str) -> str:
        """The uri of a path on it."""
        return f"azureml://datastores/{self.datastore}/paths/{path}"


def locate(path: str, volumes: tuple[MountedVolume, ...]) -> tuple[MountedVolume, str] | None:
    """The volume that contains a path below ``$AZ_BATCHAI_MOUNT_ROOT``, and the path on it; None for any other path."""
    relative_path = below_mount_root(path)
    if relative_path is None:
        return None
    candidates = [volume for volume in volumes if relative_path.is_relative_to(PurePosixPath(volume.mount.strip("/")))]
    if not candidates:
        return None
    volume = max(candidates, key=lambda volume: len(PurePosixPath(volume.mount).parts))
    subpath = str(relative_path.relative_to(PurePosixPath(volume.mount.strip("/"))))
    return volume, "" if subpath == "." else subpath


def volume_input(index: int) -> str:
    """The name of the input that is an entire share or container."""
    return f"{_VOLUME}_{index}" if index else _VOLUME


def launch_command(job: JobSpec, volumes: tuple[MountedVolume, ...], names: Mapping[str, str]) -> str:
    """The command that the service runs on each node, or as each process.

    Args:
        job: the definition, with the values of the trial's parameters.
        volumes: the volumes that the nodes of its cluster mount.
        names: Batch AI's variable -> the name of the job, its experiment, cluster or workspace.
    """
    return " ".join(("bash", SCRIPT, *_arguments(job, volumes, names)))


def _arguments(job: JobSpec, volumes: tuple[MountedVolume, ...], names: Mapping[str, str]) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        yield f'mount {_quoted(volume.mount.strip("/"))} "${{{{inputs.{volume_input(index)}}}}}"'
    for name, path in job.inputs.items():
        if locate(path, volumes):
            yield f'input {name} "${{{{inputs.{name}}}}}"'
    for name in job.outputs:
        yield f'output {name} "${{{{outputs.{name}}}}}"'
    yield f'streams "${{{{outputs.{STREAMS}}}}}"'
    for name, value in names.items():
        yield f"place {name} {_quoted(value)}"
    if job.toolkit in _SCRIPTED:
        yield f"toolkit {job.toolkit}"
    if job.interpreter:
        yield f"interpreter {_quoted(job.interpreter)}"
    exports = _exports(job, volumes)
    if job.preparation:
        yield f"prepare {_quoted(exports + job.preparation)}"
    yield f"run {_quoted(exports + _command(job))}"


def _command(job: JobSpec) -> str:
    if job.command is not None and job.toolkit not in _SCRIPTED:
        # Batch AI runs a custom command line only on the first node.
        first = '[ "$AZ_BATCHAI_TASK_INDEX" = 0 ] || exit 0; ' if job.toolkit == "customToolkit" else ""
        return f"{first if job.nodes > 1 else ''}{job.command}"
    if job.toolkit == "tensorFlow" and runs_tensorflow_cluster(job):
        roles = {"ps": job.parameter_server_args, "worker": job.worker_args, "*": job.args}
        cases = " ".join(f"{role}) {_scripted(job, args or '')} ;;" for role, args in roles.items())
        return f'case "$HARNESS_TASK" in {cases} esac'
    return _scripted(job, job.args)


def _scripted(job: JobSpec, args: str) -> str:
    return f"python {_expandable(job.script or '')} {args}".rstrip()


def runs_tensorflow_cluster(job: JobSpec) -> bool:
    """Whether TensorFlow runs as workers and parameter servers instead of one process."""
    return job.nodes > 1 or bool(job.workers or job.parameter_servers)


def _exports(job: JobSpec, volumes: tuple[MountedVolume, ...]) -> str:
    """Shell exports of variables whose values refer to Batch AI's variables, which the service does not expand."""
    inputs = {f"AZ_BATCHAI_INPUT_{name}": path for name, path in job.inputs.items() if not locate(path, volumes)}
    variables = {name: value for name, value in job.environment.items() if _SERVICE_VARIABLE.search(value)}
    return "".join(f"export {name}={_expandable(value)}; " for name, value in (inputs | variables).items())


def plain_variables(job: JobSpec) -> dict[str, str]:
    """The scenario's variables that need no expansion, so that the service can set them."""
    return {name: value for name, value in job.environment.items() if not _SERVICE_VARIABLE.search(value)}


def _expandable(text: str) -> str:
    """Quote a word for the shell, except for the variables of Batch AI, which it expands."""
    return quote_except(text, _SERVICE_VARIABLE)


def _quoted(text: str) -> str:
    """Quote a word for the shell, and hide expressions in it from the service."""
    return shlex.quote(text).replace("${{", "$''{{")
