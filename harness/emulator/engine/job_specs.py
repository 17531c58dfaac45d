"""Describes the records of clusters and jobs to a compute back end."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from harness.compute.backend import ContainerSpec, JobSpec, MountSpec, NodeSpec, TaskSpec
from harness.compute.paths import JobPaths
from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.mount_paths import MountedPath, Volume
from harness.emulator.engine.model.records import Cluster, FileServer, Job, Node, Problem, Secrets, Workspace
from harness.emulator.engine.model.spec import TOOLKITS, EnvironmentVariable, Secret
from harness.emulator.engine.mounts import MountError, Mounts
from harness.emulator.engine.repository import Repository
from harness.emulator.engine.rules.durations import seconds
from harness.emulator.engine.rules.paths import locate, volumes
from harness.emulator.paths import DataDirectory
from harness.vm_sizes import vm_size

COMPUTE_TAG = (
    "harness-compute"  # the tag of a cluster or workspace that names the back end of its jobs, as ``--compute``
)

# The directory of a job or a set-up task; ``removals`` puts a dot before the name, and may put digits after it.
_DIRECTORY = re.compile(r"\.?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]+(-setup)?(\.[0-9a-f]{32})?", re.ASCII)
_DOCKER_HUB = ("docker.io", "index.docker.io", "index.docker.io/v1", "hub.docker.com", "registry-1.docker.io")
_TOOLKIT_NAMES = {
    "py_torch_settings": "pyTorch",
    "tensor_flow_settings": "tensorFlow",
    "custom_toolkit_settings": "customToolkit",
    "custom_mpi_settings": "customMpi",
}


class JobSpecError(Exception):
    """A job or set-up task cannot be started; ``problem`` is what the service reports."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class JobSpecs:
    """Describes jobs and set-up tasks to a back end."""

    def __init__(self, repository: Repository, mounts: Mounts, *, paths: DataDirectory) -> None:
        self._repository = repository
        self._mounts = mounts
        self._paths = paths

    def job_directory(self, job: Job) -> Path:
        """The directory of the node-local files of one run of a job."""
        return self._paths.jobs / f"{job.incarnation}-{job.run}"

    def setup_directory(self, cluster: Cluster, node: Node) -> Path:
        """The directory of a node's set-up task."""
        return self._paths.jobs / f"{cluster.incarnation}-{node.number}-setup"

    def cluster_directory(self, cluster: Cluster) -> Path:
        """The directory that exists as long as the cluster's nodes."""
        return self._paths.nodes / cluster.incarnation

    def server_directory(self, server: FileServer) -> Path:
        """The directory of a file server's data."""
        return self._mounts.server_directory(server)

    def directories(self) -> list[Path]:
        """The directories of all jobs and set-up tasks on this machine, including those that are being removed."""
        paths = (path for path in self._paths.jobs.iterdir() if _DIRECTORY.fullmatch(path.name))
        return sorted(path for path in paths if path.is_dir() and not path.is_symlink())

    def job(self, job: Job, cluster: Cluster) -> JobSpec:
        """A job whose definition names a toolkit, on its assigned nodes.

        Raises:
            JobSpecError: a volume cannot be mounted or no longer exists, or a secret is in a key vault.
        """
        spec, secrets = job.spec, self._repository.secrets(job)
        toolkit = next(name for name in TOOLKITS if getattr(spec, name) is not None)
        outputs = {output.id: self._output(job, output.id) for output in spec.output_directories or ()}
        return JobSpec(
            name=job.address.name,
            directory=self.job_directory(job),
            nodes=self.nodes(job, cluster),
            toolkit=_TOOLKIT_NAMES.get(toolkit, toolkit.removesuffix("_settings")),
            settings=msgspec.to_builtins(getattr(spec, toolkit)),
            cluster_mounts=self.cluster_mounts(cluster),
            job_mounts=self._mounted(volumes(spec.mount_volumes), secrets.keys),
            stdouterr=self._output(job, "stdouterr"),
            inputs={directory.id: _with_variables(directory.path) for directory in spec.input_directories or ()},
            outputs=outputs,
            environment=_values(spec.environment_variables),
            secrets=_readable_secrets(spec.secrets, secrets.variables),
            preparation=spec.job_preparation.command_line if spec.job_preparation else None,
            container=_container(job, secrets),
            wall_clock=seconds(spec.constraints.max_wall_clock_time) or 0.0,
            per_node_logs=spec.node_count > 1,
            compute=self.compute(cluster),
        )

    def compute(self, cluster: Cluster) -> str:
        """The back end that the tags of a cluster or its workspace name; empty if they name none.

        Clusters of API version 2018-05 have no tags, and earlier versions have no workspaces.
        """
        address = cluster.address
        key = Address(address.subscription, address.group, address.names[:1], address.namespace).key("workspace")
        workspace = self._repository.store.get(Workspace, key)
        tags = ((workspace.tags if workspace else None) or {}) | (cluster.tags or {})
        return tags.get(COMPUTE_TAG, "")

    def nodes(self, job: Job, cluster: Cluster) -> tuple[NodeSpec, ...]:
        """The nodes that are assigned to a job."""
        return tuple(self.node(cluster, node) for node in cluster.nodes if node.id in job.nodes)

    def setup(self, cluster: Cluster, node: Node) -> TaskSpec:
        """The set-up task of a node.

        Raises:
            JobSpecError: a volume cannot be mounted, or a secret is in a key vault.
        """
        task = cluster.spec.node_setup.setup_task if cluster.spec.node_setup else None
        if task is None:
            raise ValueError("the cluster has no set-up task")
        secrets = self._repository.secrets(cluster)
        path = locate(task.std_out_err_path_prefix, cluster_volumes(cluster), ())
        own = self.setup_directory(cluster, node)
        directory = self._mounts.find_directory(path.below(cluster.task_suffix)) if path else JobPaths(own).unmounted
        if directory is None:
            raise JobSpecError(not_mounted("stdOutErrPathPrefix of the setup task", task.std_out_err_path_prefix))
        return TaskSpec(
            directory=own,
            node=self.node(cluster, node),
            command=task.command_line,
            mounts=self.cluster_mounts(cluster),
            stdouterr=directory,
            environment=_values(task.environment_variables),
            secrets=_readable_secrets(task.secrets, secrets.variables),
            compute=self.compute(cluster),
        )

    def cluster_mounts(self, cluster: Cluster) -> tuple[MountSpec, ...]:
        """The mounts of every node of a cluster.

        Raises:
            JobSpecError: a volume cannot be mounted.
        """
        return self._mounted(cluster_volumes(cluster), self._repository.secrets(cluster).keys)

    def _mounted(self, mounted: tuple[Volume, ...], keys: dict[str, str]) -> tuple[MountSpec, ...]:
        try:
            return tuple(
                MountSpec(volume.path, command=volume.name)
                if volume.source == "command"
                else MountSpec(volume.path, self._mounts.directory(volume, keys))
                for volume in mounted
            )
        except MountError as error:
            raise JobSpecError(error.problem) from error

    def _output(self, job: Job, name: str) -> Path:
        """The directory of an output on this machine; without a mounted volume it is on the disk of the node."""
        path = output_path(job, name)
        directory = self._mounts.find_directory(path) if path else JobPaths(self.job_directory(job)).unmounted / name
        if directory is None:
            raise JobSpecError(not_mounted(f"output directory {name}", written_prefix(job, name)))
        return directory

    def node(self, cluster: Cluster, node: Node) -> NodeSpec:
        """A node as a back end needs it."""
        size = vm_size(cluster.spec.vm_size)
        directory = self.cluster_directory(cluster) / node.id
        gpus = size.gpus if size else 0
        return NodeSpec(
            node.id,
            node_address(cluster, node),
            directory,
            gpus,
            first_gpu=node.slot * gpus,
            cpus=size.cores if size else 0,
            size=size.name if size else cluster.spec.vm_size,
        )


def cluster_volumes(cluster: Cluster) -> tuple[Volume, ...]:
    """The volumes that a cluster mounts on every node."""
    return volumes(cluster.spec.node_setup.mount_volumes if cluster.spec.node_setup else None)


def output_path(job: Job, name: str) -> MountedPath | None:
    """The directory of a job's streams (``stdouterr``) or of an output; None if it is on no mounted volume."""
    prefix, ending = job.spec.std_out_err_path_prefix, job.logs
    for output in job.spec.output_directories or ():
        if output.id == name:
            prefix, ending = output.path_prefix, str(PurePosixPath("outputs", output.path_suffix or ""))
    path = locate(prefix, job.volumes, volumes(job.spec.mount_volumes)) if prefix else None
    return path.below(job.segment, ending) if path else None


def written_prefix(job: Job, name: str) -> str:
    """The path prefix of an output directory in its definition."""
    outputs = {output.id: output.path_prefix for output in job.spec.output_directories or ()}
    return outputs.get(name, job.spec.std_out_err_path_prefix or "")


def not_mounted(setting: str, path: str) -> Problem:
    """The problem of a path whose volume does not exist, or is visible only to the job."""
    return Problem("InvalidMountPath", f"The {setting}, {path}, is not on a mounted file system")


def node_address(cluster: Cluster, node: Node) -> str:
    """A node's address in its virtual network; Azure assigns the addresses from 10.0.0.4 on."""
    at = next(index for index, member in enumerate(cluster.nodes) if member.id == node.id) + 4
    return f"10.0.{at // 256}.{at % 256}"


def _container(job: Job, secrets: Secrets) -> ContainerSpec | None:
    """The container of a job, with the password of its registry."""
    settings = job.spec.container_settings
    if settings is None:
        return None
    registry = settings.image_source_registry
    return ContainerSpec(
        image=_image_name(registry.server_url or "", registry.image),
        shared_memory=settings.shm_size or "",
        user_name=registry.credentials.username if registry.credentials else "",
        password=secrets.registry_password,
    )


def _image_name(server: str, image: str) -> str:
    """The name of an image with its registry, which Batch AI accepts as a URL (``https://index.docker.io``)."""
    host = server.removeprefix("https://").removeprefix("http://").strip("/")
    if not host or host in _DOCKER_HUB or image.startswith(f"{host}/"):
        return image
    return f"{host}/{image}"


def _values(variables: tuple[EnvironmentVariable, ...] | None) -> dict[str, str]:
    return {variable.name: variable.value for variable in variables or ()}


def _readable_secrets(secrets: tuple[Secret, ...] | None, values: dict[str, str]) -> dict[str, Any]:
    for secret in secrets or ():
        if secret.name not in values:
            text = f"the secret {secret.name} is in a key vault, which the emulator cannot read"
            raise JobSpecError(Problem("SecretNotFound", text))
    return values


def _with_variables(path: str) -> str:
    """The path with the mount root as a variable; some definitions have the real path of the mount root on nodes."""
    return path.replace("/mnt/batch/tasks/shared/LS_root/mounts", "$AZ_BATCHAI_MOUNT_ROOT")
