"""The execution of a command job: its code, inputs, outputs, environment variables and logs.

A mount shows the directory of the datastore itself. A download is copied before the command starts, an upload
after it has ended, whatever its exit code is. ``./outputs`` and ``./logs`` of the working directory are directories of
the run's artifacts, so that clients can read files there as soon as they are written.
"""

import shlex
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.compute.backend import BuildSpec, ContainerSpec, JobSpec
from harness.compute.planning import quote_variables
from harness.emulator.engine.job_specs import JobSpecError, JobSpecs
from harness.emulator.engine.model.records import Cluster, Job, Problem, Workspace
from harness.emulator.providers.azureml.model.asset import AssetVersion
from harness.emulator.providers.azureml.model.datastore import ARTIFACTS, DEFAULT
from harness.emulator.providers.azureml.model.job import JobDetails, artifact_folder
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails
from harness.emulator.providers.azureml.rules.expressions import expand_command, expand_uri
from harness.emulator.providers.azureml.rules.jobs import wall_clock
from harness.emulator.providers.azureml.storage_paths import StoragePathError, StoragePaths

Variables = Callable[[Workspace, JobDetails], Mapping[str, str]]

_ARTIFACT_DIRECTORIES = ("outputs", "logs")  # subdirectories of the working directory that hold artifacts
_SHARED_MEMORY = "2g"  # the service's default
_NODE_DIRECTORY = "$AZ_BATCHAI_JOB_TEMP"  # the working directory of a node


@dataclass(slots=True)
class _Script:
    """Shell lines that run before and after the command, with the variables and paths that they need."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    reads: list[Path] = field(default_factory=list)
    writes: list[Path] = field(default_factory=list)

    def export(self, kind: str, name: str, path: str) -> str:
        """Set the service's variables for a path, and return a reference to one of them, which may be quoted later."""
        names = (f"AZURE_ML_{kind}_{name}", f"AZUREML_DATAREFERENCE_{name}", f"AZ_ML_{kind}_{name}")
        self.variables |= dict.fromkeys(names, path)
        return f"${{{names[-1]}}}"


@dataclass(frozen=True, slots=True)
class Launch:
    """Describes command jobs for a back end.

    Args:
        specs: the engine's part of a description.
        paths: finds the directories of uris.
        variables: the variables with which a job reaches the emulator and its own run.
    """

    specs: JobSpecs
    paths: StoragePaths
    variables: Variables

    def spec(self, workspace: Workspace, details: JobDetails, job: Job, cluster: Cluster) -> JobSpec:
        """The processes, files and variables of a job.

        Raises:
            JobSpecError: a uri names nothing that exists.
        """
        try:
            return self._spec(workspace, details, job, cluster)
        except StoragePathError as error:
            raise JobSpecError(Problem("UserError", str(error))) from error
        except OSError as error:  # a name that is too long, a file where a directory has to be, a full disk
            text = f"An input or output cannot be prepared: {error.strerror}: {error.filename}"
            raise JobSpecError(Problem("UserError", text)) from error

    def _spec(self, workspace: Workspace, details: JobDetails, job: Job, cluster: Cluster) -> JobSpec:
        artifacts = self.paths.find(
            workspace, f"azureml://datastores/{ARTIFACTS}/paths/{artifact_folder(details.name)}"
        )
        script = _Script()
        self._prepare_code(details, script)
        for name in _ARTIFACT_DIRECTORIES:
            target = shlex.quote(str(artifacts / name))
            script.before += [f"[ -d {name} ] && cp -R {name}/. {target}", f"rm -rf {name}; ln -s {target} {name}"]
        inputs = {name: self._input(workspace, name, job_input, script) for name, job_input in details.inputs.items()}
        outputs = {name: self._output(workspace, details, name, script) for name in details.outputs}
        command = quote_variables(expand_command(details.command, inputs, outputs), script.variables)
        environment = {name: value for name, value in details.variables.items() if not name.startswith("AZUREML_RUN")}
        access = dict(self.variables(workspace, details))
        if authority := access.get("SSL_CERT_FILE"):
            script.reads.append(Path(authority))
        distribution = dict(details.distribution or {})
        kind = str(distribution.pop("distributionType", ""))
        return JobSpec(
            name=details.name,
            directory=self.specs.job_directory(job),
            nodes=self.specs.nodes(job, cluster),
            toolkit="command",
            settings={
                "commandLine": _wrap_command(command, script.after),
                "distribution": kind,
                "index": self._index(workspace, details),
                **distribution,
            },
            cluster_mounts=(),
            job_mounts=(),
            stdouterr=artifacts / "user_logs",
            inputs={},
            outputs={name: artifacts / name for name in _ARTIFACT_DIRECTORIES},
            environment=environment,
            secrets=access,
            preparation=f"bash -c {shlex.quote('; '.join(['set -e', *script.before]))}" if script.before else None,
            container=self._container(details, artifacts),
            reads=tuple(script.reads),
            writes=tuple(script.writes),
            prepares_on_host=True,
            wall_clock=wall_clock(details),
            per_node_logs=False,
            variables={
                "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": _NODE_DIRECTORY,
                "AZUREML_CR_DATA_CAPABILITY_PATH": _NODE_DIRECTORY,
                **script.variables,
            },
            stdout="std_log{label}.txt",
            stderr="std_log{label}.txt",
            logs=artifacts / "system_logs",
            compute=self.specs.compute(cluster),
        )

    def _index(self, workspace: Workspace, details: JobDetails) -> int:
        """A number that no other running job has; it selects the ports at which ranks meet."""
        workspace_details = self.paths.store.get(WorkspaceDetails, workspace.key)
        return details.run_number + (zlib.crc32(workspace_details.workspace_id.encode()) if workspace_details else 0)

    def _container(self, details: JobDetails, artifacts: Path) -> ContainerSpec | None:
        """The container of a job's environment; the image of a registry's environment is its id, for the image map.

        Raises:
            StoragePathError: the build context is not in the emulator's storage.
        """
        if details.environment is None:
            return None
        memory = str(details.resources.get("shmSize") or _SHARED_MEMORY)
        asset = self.paths.store.get(AssetVersion, details.environment.lower())
        if asset is None:
            return ContainerSpec(details.environment, memory)
        image, conda = str(asset.properties.get("image") or ""), str(asset.properties.get("condaFile") or "")
        log = artifacts / "azureml-logs" / "20_image_build_log.txt"
        definition = asset.properties.get("build") or {}
        build = None
        if definition:
            context = self.paths.find_address(str(definition.get("contextUri")))
            build = BuildSpec(log, context=context, dockerfile=str(definition.get("dockerfilePath") or "Dockerfile"))
        elif conda:
            build = BuildSpec(log, conda=conda)
        return ContainerSpec(image, memory, build=build) if image or build else None

    def _prepare_code(self, details: JobDetails, script: _Script) -> None:
        if details.code is None:
            return
        asset = self.paths.store.get(AssetVersion, details.code.lower())
        if asset is None:
            raise StoragePathError(f"there is no code {details.code}")
        source = self.paths.find_address(str(asset.properties["codeUri"]))
        script.reads.append(source)
        script.before.append(f"cp -R {shlex.quote(str(source))}/. .")

    def _input(self, workspace: Workspace, name: str, job_input: Mapping[str, object], script: _Script) -> str:
        """The text that replaces an expression for an input."""
        if "value" in job_input:
            script.variables[f"AZUREML_PARAMETER_{name}"] = str(job_input["value"])
            return str(job_input["value"])
        uri, mode = str(job_input["uri"]), job_input["mode"]
        if mode == "Direct":
            return uri
        source = self.paths.find(workspace, uri)
        if not source.exists():
            raise StoragePathError(f"the input {name} does not exist: {uri}")
        path = str(source)
        script.reads.append(source)
        if mode in ("Download", "EvalDownload"):
            copy = f"{_NODE_DIRECTORY}/.inputs/{name}"
            script.before.append(f'mkdir -p "{_NODE_DIRECTORY}/.inputs" && cp -R {shlex.quote(str(source))} "{copy}"')
            path = copy
        return script.export("INPUT", name, path)

    def _output(self, workspace: Workspace, details: JobDetails, name: str, script: _Script) -> str:
        """The text that replaces an expression for an output."""
        job_output = details.outputs[name]
        uri = output_uri(details, name)
        if job_output["mode"] == "Direct":
            return uri
        target = self.paths.find(workspace, uri)
        is_file = job_output["jobOutputType"] == "uri_file"
        folder = target.parent if is_file else target
        folder.mkdir(parents=True, exist_ok=True)
        script.writes.append(folder)
        path = str(target)
        if job_output["mode"] == "Upload":
            path = f"{_NODE_DIRECTORY}/.uploads/{name}"
            script.before.append(f'mkdir -p "{_NODE_DIRECTORY}/.uploads{"" if is_file else f"/{name}"}"')
            source = f'"{path}"' if is_file else f'"{path}"/.'
            script.after.append(f"[ -e {source} ] && cp -R {source} {shlex.quote(str(target))}")
        return script.export("OUTPUT", name, path)


def output_uri(details: JobDetails, name: str) -> str:
    """The uri of an output: the one that its creator named, or a folder of the default datastore."""
    uri = details.outputs[name].get("uri") or f"azureml://datastores/{DEFAULT}/paths/azureml/{details.name}/{name}/"
    return expand_uri(str(uri), job=details.name, output=name, default_datastore=DEFAULT)


def _wrap_command(command: str, after: list[str]) -> str:
    """A shell line that runs the command in a separate bash, then ``after``, and ends with the command's exit code."""
    run = f"bash -c {shlex.quote(command)}"
    return "; ".join([run, "status=$?", *after, "exit $status"]) if after else run
