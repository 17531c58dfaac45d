"""The interpretation of the body of a job; pure."""

import re
from datetime import datetime
from typing import Any

from harness.emulator.engine.rules.durations import seconds
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.azureml.errors import invalid, not_served
from harness.emulator.providers.azureml.model.job import JobDetails
from harness.emulator.providers.azureml.rules.body_reading import read_text, read_texts
from harness.emulator.providers.azureml.rules.expressions import check_command
from harness.emulator.providers.azureml.rules.names import check_asset_name

MOST_NODES, MOST_PROCESSES = 100, 1000  # of one job
_COUNTS = ("processCountPerInstance", "workerCount", "parameterServerCount")
_REFUSED = {"Sweep": "sweep jobs", "Pipeline": "pipeline jobs", "AutoML": "AutoML jobs", "Spark": "Spark jobs"}
_NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
_INPUT_TYPES = ("uri_folder", "uri_file", "mltable", "literal", "custom_model", "mlflow_model", "triton_model")
_INPUT_MODES = ("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload")
_OUTPUT_TYPES = tuple(type_ for type_ in _INPUT_TYPES if type_ != "literal")
_OUTPUT_MODES = ("ReadWriteMount", "Upload", "Direct")
_DISTRIBUTIONS = ("PyTorch", "Mpi", "TensorFlow")
_LIFETIME = 21 * 86_400.0  # the longest run on dedicated nodes, in seconds


def read_job(name: str, document: dict[str, Any], *, now: datetime) -> JobDetails:
    """The job that a body describes, with 0 as the number of its run.

    Args:
        document: the body, whose members have the types of ``bodies.JobBody``.

    Raises:
        AzureMLError: the body is wrong, or its job type is not supported.
    """
    properties = document.get("properties")
    if properties is None:
        raise invalid("'properties' of a job is an object.", "ArgumentInvalid")
    type_ = properties.get("jobType") or ""
    if type_ in _REFUSED:
        raise not_served(_REFUSED[type_], "submit command jobs, as the sweeps of 'harness run' do")
    if type_ != "Command":
        raise invalid(f"The job type {type_[:40]!r} is not valid; use Command.", "ArgumentInvalid")
    command = properties.get("command")
    if not command or not command.strip():
        raise invalid("A command job has a 'command'.", "ArgumentInvalid")
    inputs = {key: _input(key, value) for key, value in _read_named(properties, "inputs")}
    outputs = {key: _output(key, value) for key, value in _read_named(properties, "outputs") if key != "default"}
    check_command(command, inputs, outputs)
    resources = properties.get("resources") or {}
    nodes = _count(resources.get("instanceCount"))
    return JobDetails(
        name=name,
        created=now,
        run_number=0,
        experiment=properties.get("experimentName") or "Default",
        display_name=properties.get("displayName") or name,
        command=command,
        environment=properties.get("environmentId"),
        code=properties.get("codeId"),
        compute=properties.get("computeId"),
        description=properties.get("description"),
        tags=parse_tags(properties) or {},
        properties=read_texts(properties.get("properties")),
        is_archived=bool(properties.get("isArchived", False)),
        inputs=inputs,
        outputs=outputs,
        variables=read_texts(properties.get("environmentVariables")),
        resources=resources,
        distribution=_distribution(properties.get("distribution"), nodes),
        limits=_limits(properties.get("limits")),
        identity=properties.get("identity"),
        queue=properties.get("queueSettings"),
    )


def wall_clock(details: JobDetails) -> float:
    """The longest run of a job, in seconds."""
    timeout = (details.limits or {}).get("timeout")
    return (seconds(timeout) if timeout else None) or _LIFETIME


def _input(name: str, body: dict[str, Any]) -> dict[str, Any]:
    type_ = body.get("jobInputType") or ("literal" if "value" in body else "uri_folder")
    _check_choice(f"inputs.{name}.jobInputType", type_, _INPUT_TYPES)
    if type_ == "literal":
        return {"description": body.get("description"), "value": read_text(body.get("value")), "jobInputType": type_}
    mode = body.get("mode") or "ReadOnlyMount"
    _check_choice(f"inputs.{name}.mode", mode, _INPUT_MODES)
    if not body.get("uri"):
        raise invalid(f"The input {name} has no 'uri'.", "ArgumentInvalid")
    return {"description": body.get("description"), "uri": body["uri"], "mode": mode, "jobInputType": type_}


def _output(name: str, body: dict[str, Any] | None) -> dict[str, Any]:
    members = body or {}
    mode = members.get("mode") or "ReadWriteMount"
    _check_choice(f"outputs.{name}.mode", mode, _OUTPUT_MODES)
    type_ = members.get("jobOutputType") or "uri_folder"
    _check_choice(f"outputs.{name}.jobOutputType", type_, _OUTPUT_TYPES)
    for member in ("assetName", "assetVersion"):
        if members.get(member):
            check_asset_name(f"{member} of the output {name}", members[member])
    return {**members, "mode": mode, "jobOutputType": type_}


def _distribution(body: Any, nodes: int) -> dict[str, Any] | None:
    if body is None:
        return None
    requested = body.get("distributionType") or ""
    kind = next((name for name in _DISTRIBUTIONS if name.lower() == requested.lower()), None)
    if kind is None:
        raise not_served(f"the distribution {requested[:40]!r}", f"use {', '.join(_DISTRIBUTIONS)}")
    counts = {name: body[name] for name in _COUNTS if body.get(name) is not None}
    processes = nodes * counts.get("processCountPerInstance", 1)
    if kind == "TensorFlow":
        processes = counts.get("workerCount", nodes) + counts.get("parameterServerCount", 0)
    if processes > MOST_PROCESSES:
        raise invalid(f"A job has at most {MOST_PROCESSES} processes, not {processes}.", "ArgumentInvalid")
    return {**counts, "distributionType": kind}


def _limits(body: Any) -> dict[str, Any] | None:
    if body is None:
        return None
    timeout = body.get("timeout")
    if timeout is not None and seconds(timeout) is None:
        raise invalid(f"limits.timeout is a time span such as PT1H, not {timeout[:40]!r}.", "ArgumentInvalid")
    return {"jobLimitsType": "Command", "timeout": timeout}


def _count(number: int | None) -> int:
    """The number of nodes of a job."""
    if number is None:
        return 1
    if not 1 <= number <= MOST_NODES:
        raise invalid(f"resources.instanceCount is a whole number from 1 to {MOST_NODES}, not {number}.")
    return number


def _check_choice(member: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise invalid(f"{member} is one of {', '.join(choices)}, not {str(value)[:40]!r}.", "ArgumentInvalid")


def _read_named(properties: dict[str, Any], member: str) -> list[tuple[str, Any]]:
    items = properties.get(member) or {}
    for name in items:
        if not _NAME.fullmatch(name):
            text = f"The name {name[:60]!r} in {member} is not valid: it has letters, digits and '_', no digit first."
            raise invalid(text, "ArgumentInvalid")
    return list(items.items())
