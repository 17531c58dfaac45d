"""The parts of an Azure ML command job that become the section ``job`` of a scenario."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.interchange.azureml_expressions import fill_expressions, resolve_optional_parts
from harness.interchange.azureml_tags import Tags
from harness.interchange.datastores import Datastores
from harness.interchange.draft import literal
from harness.interchange.source import Source
from harness.scenario.document import FieldPath

_PYTHON = re.compile(r"\s*(python[\d.]*)\s+(?:-u\s+)?([\w./-]+\.py)(?:\s+(.*))?", re.DOTALL)
_SHELL = re.compile(r"[;&|<>`\n]|\$\(")  # in commands that are more than a program and its arguments
_OUTPUTS = "outputs"


@dataclass
class CommandParts:
    """The parts of a command job from which the scenario's job is made.

    Attributes:
        source: the file.
        where: the field with command, code and environment: empty, or ``trial`` in a sweep job.
        names: the replacement of each expression.
    """

    source: Source
    where: FieldPath
    name: str
    tags: Tags
    datastores: Datastores
    base: Path
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def read_inputs(self) -> None:
        """Read ``inputs`` and ``outputs``: literals become parameters, data becomes directories."""
        for name in self.source.mapping("inputs"):
            if self.tags.is_generated(name):
                self.source.ignore("inputs", name)
            elif self.source.is_mapping("inputs", name):
                self._read_data(name)
            else:
                self.parameters[name] = self.source.scalar("inputs", name)
                self.names["inputs", name] = f"{{{name}}}"
        for name in self.source.mapping("outputs"):
            self._read_output(name)

    def job(self) -> dict[str, Any]:
        """Return the section ``job``."""
        source, where = self.source, self.where
        nodes = source.number(*where, "resources", "instance_count") or 1
        job: dict[str, Any] = {"name": self.name, **self._program(nodes), "image": self._image(), "nodes": nodes}
        job["inputs"], job["outputs"] = self.inputs, self.outputs
        job["stdouterr"] = self.datastores.home
        job["environment"] = {
            name: self._text(*where, "environment_variables", name)
            for name in source.mapping(*where, "environment_variables")
        }
        for name, value in self.tags.variables(source.text(*where, "command") or "").items():
            job["environment"][name] = self._fill(value, *where, "command")
        for name in ("shm_size", "docker_args", "properties"):
            source.drop(*where, "resources", name, why="the service's defaults are used")
        return {key: value for key, value in job.items() if value not in (None, {}, "")}

    def _read_data(self, name: str) -> None:
        source = self.source
        path, value = source.text("inputs", name, "path"), source.scalar("inputs", name, "default")
        kind = source.text("inputs", name, "type") or "uri_folder"
        source.ignore("inputs", name, "mode")
        source.ignore("inputs", name, "optional")
        if path is None and kind in ("string", "number", "integer", "boolean"):
            if value is not None:
                self.parameters[name] = value
                self.names["inputs", name] = f"{{{name}}}"
            return
        if path is None:
            return
        self.inputs[name] = self._input_path(name, path)
        self.names["inputs", name] = f"$AZ_BATCHAI_INPUT_{name}"

    def _input_path(self, name: str, path: str) -> str:
        mounted = self.datastores.mount_path(path)
        if mounted is not None:
            return mounted
        if "://" not in path and not path.startswith("azureml:"):
            return self._upload_path(path, "inputs", name, "path")
        directory = f"{self.datastores.home}/{name}"
        self.source.note("inputs", name, "path", text=f"{path} is not downloaded; put its files at {directory}")
        return directory

    def _upload_path(self, path: str, *field_path: str) -> str:
        """Return the path, in the job, of a local file or directory that the scenario uploads."""
        local = self.source.path.absolute().parent / path
        if not local.exists():
            self.source.note(*field_path, text=f"{local} does not exist; the scenario does not upload it")
        else:
            # The path is resolved, because '.' has no name.
            relative = Path(os.path.relpath(local.parent.resolve() / local.resolve().name, self.base.resolve()))
            upload = {"file": literal(str(relative if relative.name else Path("..") / self.base.resolve().name))}
            if upload not in self.datastores.uploads:
                self.datastores.uploads.append(upload)
        return f"{self.datastores.home}/{literal(local.resolve().name)}"

    def _read_output(self, name: str) -> None:
        source = self.source
        for key in ("type", "mode", "name", "version", "description"):
            source.ignore("outputs", name, key)
        path = source.text("outputs", name, "path") if source.is_mapping("outputs", name) else None
        source.ignore("outputs", name)
        if self.tags.is_generated(name):
            return
        prefix, suffix = self.tags.split_output(path or "")
        directory = self.datastores.mount_path(prefix) if path else self.datastores.home
        if directory is None:
            source.note(
                "outputs", name, "path", text=f"{path} is not a path of a datastore; the job's share replaces it"
            )
        self.outputs[name] = {"prefix": directory or self.datastores.home, "suffix": literal(suffix if path else name)}
        self.names["outputs", name] = f"$AZ_BATCHAI_OUTPUT_{name}"

    def _program(self, nodes: int) -> dict[str, Any]:
        """Return the fields with the toolkit and the program of the job."""
        source, where = self.source, self.where
        command = source.text(*where, "command") or ""
        if not command.strip():
            raise source.refuse(*where, "command", text="is missing")
        if exported := self.tags.program(command):
            return {key: self._fill(value, *where, "command") for key, value in exported.items()} | self._counts(nodes)
        inputs = {name: value for kind, name in self.names if kind == "inputs" for value in [name]}
        text = resolve_optional_parts(command, inputs).strip()
        distribution = (source.text(*where, "distribution", "type") or "").lower()
        per_node = source.number(*where, "distribution", "process_count_per_instance")
        workers = source.number(*where, "distribution", "worker_count")
        servers = source.number(*where, "distribution", "parameter_server_count")
        code = self._code()
        program = None if _SHELL.search(text) else _PYTHON.fullmatch(text)
        if distribution in ("pytorch", "tensorflow") and program is not None:
            start = f"$AZ_BATCHAI_INPUT_{code}/" if code and not program[2].startswith("/") else ""
            job: dict[str, Any] = {
                "toolkit": "pyTorch" if distribution == "pytorch" else "tensorFlow",
                "script": f"{start}{literal(program[2])}",
                "args": self._fill(program[3] or "", *where, "command"),
                "workers": workers,
                "parameter_servers": servers,
            }
            if distribution == "pytorch":
                job["processes"] = (per_node or 1) * nodes
                text = "Batch AI's processes have AZ_BATCHAI_TASK_INDEX and AZ_BATCHAI_PYTORCH_INIT_METHOD, not RANK"
                source.note(*where, "distribution", "type", text=text)
            return job
        if distribution in ("pytorch", "tensorflow", "ray"):
            text_of = (
                "the command is more than python SCRIPT ARGUMENTS" if distribution != "ray" else "Ray is not started"
            )
            source.note(*where, "distribution", "type", text=f"is not imported: {text_of}; it runs once")
        command = self._fill(text, *where, "command")
        if code:
            link = f'ln -sfn "$AZ_BATCHAI_OUTPUT_{_OUTPUTS}" {_OUTPUTS}'
            self.outputs.setdefault(_OUTPUTS, {"prefix": self.datastores.home, "suffix": _OUTPUTS})
            command = f'cd "$(mktemp -d)" && cp -r "$AZ_BATCHAI_INPUT_{code}/." . && {link} && {command}'
        if distribution == "mpi":
            return {"toolkit": "customMpi", "command": command, "processes": (per_node or 1) * nodes}
        return {"toolkit": "customToolkit", "command": command}

    def _counts(self, nodes: int) -> dict[str, int]:
        """Return the numbers of processes of a job that an export has written."""
        source, where = self.source, (*self.where, "distribution")
        source.ignore(*where, "type")
        per_node = source.number(*where, "process_count_per_instance")
        counts = {
            "processes": per_node * nodes if per_node and per_node > 1 else None,
            "workers": source.number(*where, "worker_count"),
            "parameter_servers": source.number(*where, "parameter_server_count"),
        }
        return {name: count for name, count in counts.items() if count is not None}

    def _code(self) -> str | None:
        """Return the input for the directory of the job's code; None if the job has no code."""
        code = self.source.text(*self.where, "code")
        if code is None:
            return None
        if code.startswith(("azureml:", "http://", "https://", "git+")):
            self.source.note(*self.where, "code", text=f"{code} is not downloaded; name a local directory")
            return None
        name = next(name for name in ("CODE", "CODE_", "CODE__") if name not in self.inputs)
        self.inputs[name] = self._upload_path(code, *map(str, self.where), "code")
        return name

    def _image(self) -> str | None:
        source, where = self.source, (*self.where, "environment")
        if not source.is_mapping(*where):
            if name := source.text(*where):
                source.note(*where, text=f"only the workspace knows {name}; give the job an image")
            return None
        for name in ("name", "version", "description", "tags", "os_type"):
            source.ignore(*where, name)
        source.drop(*where, "conda_file", why="install packages in preparation, or build them into the image")
        source.drop(*where, "build", why="a scenario names an image that already exists")
        return self._text(*where, "image")

    def _text(self, *field_path: str | int) -> str | None:
        text = self.source.text(*field_path)
        return None if text is None else self._fill(text, *field_path)

    def _fill(self, text: str, *field_path: str | int) -> str:
        result, unknown = fill_expressions(text, self.names)
        for expression in unknown:
            self.source.note(*field_path, text=f"{expression.text} refers to nothing in the job, and does not change")
        return result
