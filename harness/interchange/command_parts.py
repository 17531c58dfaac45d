"""The parts of an Azure ML command job that become the section ``job`` of a scenario."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.interchange.azureml_expressions import filled, without_optional
from harness.interchange.azureml_tags import Tags
from harness.interchange.datastores import Datastores
from harness.interchange.draft import literal
from harness.interchange.source import Source
from harness.scenario.document import FieldPath

_PYTHON = re.compile(r"\s*(python[\d.]*)\s+(?:-u\s+)?([\w./-]+\.py)(?:\s+(.*))?", re.DOTALL)
_SHELL = re.compile(r"[;&|<>`\n]|\$\(")  # a command with one of them is more than one program and its arguments
_OUTPUTS = "outputs"


@dataclass
class CommandParts:
    """What of a command job a scenario's job is made of; a sweep has some of it at another place.

    Attributes:
        where: the field that holds command, code and environment.
        names: what stands for each expression.
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

    def take_inputs(self) -> None:
        """Take ``inputs`` and ``outputs``: literals become parameters, data becomes directories."""
        for name in self.source.mapping("inputs"):
            if self.tags.is_ours(name):
                self.source.ignore("inputs", name)
            elif self.source.is_mapping("inputs", name):
                self._take_data(name)
            else:
                self.parameters[name] = self.source.scalar("inputs", name)
                self.names["inputs", name] = f"{{{name}}}"
        for name in self.source.mapping("outputs"):
            self._take_output(name)

    def job(self) -> dict[str, Any]:
        """The section ``job``."""
        source, where = self.source, self.where
        nodes = source.number(*where, "resources", "instance_count") or 1
        job: dict[str, Any] = {"name": self.name, **self._runs(nodes), "image": self._image(), "nodes": nodes}
        job["inputs"], job["outputs"] = self.inputs, self.outputs
        job["stdouterr"] = self.datastores.home
        job["environment"] = {
            name: self._text(*where, "environment_variables", name)
            for name in source.mapping(*where, "environment_variables")
        }
        for name, value in self.tags.variables(source.text(*where, "command") or "").items():
            job["environment"][name] = self._filled(value, *where, "command")
        for name in ("shm_size", "docker_args", "properties"):
            source.drop(*where, "resources", name, why="the service's own are used")
        return {key: value for key, value in job.items() if value not in (None, {}, "")}

    def _take_data(self, name: str) -> None:
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
        self.inputs[name] = self._placed(name, path)
        self.names["inputs", name] = f"$AZ_BATCHAI_INPUT_{name}"

    def _placed(self, name: str, path: str) -> str:
        place = self.datastores.place(path)
        if place is not None:
            return place
        if "://" not in path and not path.startswith("azureml:"):
            return self._uploaded(path, "inputs", name, "path")
        where = f"{self.datastores.home}/{name}"
        self.source.note("inputs", name, "path", text=f"{path} is not fetched; put its files at {where}")
        return where

    def _uploaded(self, path: str, *field_path: str) -> str:
        """Where the job sees a local file or directory, which the scenario uploads."""
        local = self.source.path.absolute().parent / path
        if not local.exists():
            self.source.note(*field_path, text=f"there is no {local}; the scenario uploads nothing for it")
        else:
            # By the name of its directory: '.' has none.
            wanted = Path(os.path.relpath(local.parent.resolve() / local.resolve().name, self.base.resolve()))
            upload = {"file": literal(str(wanted if wanted.name else Path("..") / self.base.resolve().name))}
            if upload not in self.datastores.uploads:
                self.datastores.uploads.append(upload)
        return f"{self.datastores.home}/{literal(local.resolve().name)}"

    def _take_output(self, name: str) -> None:
        source = self.source
        for key in ("type", "mode", "name", "version", "description"):
            source.ignore("outputs", name, key)
        path = source.text("outputs", name, "path") if source.is_mapping("outputs", name) else None
        source.ignore("outputs", name)
        if self.tags.is_ours(name):
            return
        prefix, suffix = self.tags.split_output(path or "")
        place = self.datastores.place(prefix) if path else self.datastores.home
        if place is None:
            source.note("outputs", name, "path", text=f"{path} is no path of a datastore; the job's own share gets it")
        self.outputs[name] = {"prefix": place or self.datastores.home, "suffix": literal(suffix if path else name)}
        self.names["outputs", name] = f"$AZ_BATCHAI_OUTPUT_{name}"

    def _runs(self, nodes: int) -> dict[str, Any]:
        """What the job runs, and by which toolkit."""
        source, where = self.source, self.where
        command = source.text(*where, "command") or ""
        if not command.strip():
            raise source.refuse(*where, "command", text="is missing")
        if ours := self.tags.runs(command):
            return {key: self._filled(value, *where, "command") for key, value in ours.items()} | self._counts(nodes)
        given = {name: value for kind, name in self.names if kind == "inputs" for value in [name]}
        text = without_optional(command, given).strip()
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
                "args": self._filled(program[3] or "", *where, "command"),
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
            source.note(*where, "distribution", "type", text=f"is not carried over: {text_of}; it runs once")
        command = self._filled(text, *where, "command")
        if code:
            link = f'ln -sfn "$AZ_BATCHAI_OUTPUT_{_OUTPUTS}" {_OUTPUTS}'
            self.outputs.setdefault(_OUTPUTS, {"prefix": self.datastores.home, "suffix": _OUTPUTS})
            command = f'cd "$(mktemp -d)" && cp -r "$AZ_BATCHAI_INPUT_{code}/." . && {link} && {command}'
        if distribution == "mpi":
            return {"toolkit": "customMpi", "command": command, "processes": (per_node or 1) * nodes}
        return {"toolkit": "customToolkit", "command": command}

    def _counts(self, nodes: int) -> dict[str, int]:
        """The processes of a job that an export has written."""
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
        """The input that is the directory of the job's code; None where it has none."""
        code = self.source.text(*self.where, "code")
        if code is None:
            return None
        if code.startswith(("azureml:", "http://", "https://", "git+")):
            self.source.note(*self.where, "code", text=f"{code} is not fetched; name a local directory")
            return None
        name = next(name for name in ("CODE", "CODE_", "CODE__") if name not in self.inputs)
        self.inputs[name] = self._uploaded(code, *map(str, self.where), "code")
        return name

    def _image(self) -> str | None:
        source, where = self.source, (*self.where, "environment")
        if not source.is_mapping(*where):
            if name := source.text(*where):
                source.note(*where, text=f"{name} is known to its workspace alone; give the job an image")
            return None
        for name in ("name", "version", "description", "tags", "os_type"):
            source.ignore(*where, name)
        source.drop(*where, "conda_file", why="install packages in preparation, or build them into the image")
        source.drop(*where, "build", why="a scenario names an image that is built already")
        return self._text(*where, "image")

    def _text(self, *field_path: str | int) -> str | None:
        text = self.source.text(*field_path)
        return None if text is None else self._filled(text, *field_path)

    def _filled(self, text: str, *field_path: str | int) -> str:
        done, unknown = filled(text, self.names)
        for expression in unknown:
            self.source.note(*field_path, text=f"{expression.text} names nothing that the job has; it stays as it is")
        return done
