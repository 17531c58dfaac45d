"""The meaning of the body of a job; pure."""

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
_LATER = {"Sweep": "sweep jobs", "Pipeline": "pipeline jobs", "AutoML": "AutoML jobs", "Spark": "Spark jobs"}
_NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
_INPUT_TYPES = ("uri_folder", "uri_file", "mltable", "literal", "custom_model", "mlflow_model", "triton_model")
_INPUT_MODES = ("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload")
_OUTPUT_TYPES = tuple(each for each in _INPUT_TYPES if each != "literal")
_OUTPUT_MODES = ("ReadWriteMount", "Upload", "Direct")
_DISTRIBUTIONS = ("PyTorch", "Mpi", "TensorFlow")
_LIFETIME = 21 * 86_400.0  # the longest run on dedicated nodes, in seconds


def read_job(name: str, document: dict[str, Any], *, now: datetime) -> JobDetails:
    """The job that a body describes, without the number of its run.

    Args:
        document: the body, whose members have the types of ``bodies.JobBody``.

    Raises:
        AzureMLError: the body is wrong, or of a type that the emulator does not play yet.
    """
    properties = document.get("properties")
    if properties is None:
        raise invalid("'properties' of a job is an object.", "ArgumentInvalid")
    type_ = properties.get("jobType") or ""
    if type_ in _LATER:
        raise not_served(_LATER[type_], "submit command jobs, as the sweeps of 'harness run' do")
    if type_ != "Command":
        raise invalid(f"The job type {type_[:40]!r} is not valid; use Command.", "ArgumentInvalid")
    command = properties.get("command")
    if not command or not command.strip():
        raise invalid("A command job has a 'command'.", "ArgumentInvalid")
    inputs = {each: _input(each, value) for each, value in _named(properties, "inputs")}
    outputs = {each: _output(each, value) for each, value in _named(properties, "outputs") if each != "default"}
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
    """The seconds that a job may run."""
    timeout = (details.limits or {}).get("timeout")
    return (seconds(timeout) if timeout else None) or _LIFETIME


def _input(name: str, given: dict[str, Any]) -> dict[str, Any]:
    type_ = given.get("jobInputType") or ("literal" if "value" in given else "uri_folder")
    _check_word(f"inputs.{name}.jobInputType", type_, _INPUT_TYPES)
    if type_ == "literal":
        return {"description": given.get("description"), "value": read_text(given.get("value")), "jobInputType": type_}
    mode = given.get("mode") or "ReadOnlyMount"
    _check_word(f"inputs.{name}.mode", mode, _INPUT_MODES)
    if not given.get("uri"):
        raise invalid(f"The input {name} has no 'uri'.", "ArgumentInvalid")
    return {"description": given.get("description"), "uri": given["uri"], "mode": mode, "jobInputType": type_}


def _output(name: str, given: dict[str, Any] | None) -> dict[str, Any]:
    found = given or {}
    mode = found.get("mode") or "ReadWriteMount"
    _check_word(f"outputs.{name}.mode", mode, _OUTPUT_MODES)
    type_ = found.get("jobOutputType") or "uri_folder"
    _check_word(f"outputs.{name}.jobOutputType", type_, _OUTPUT_TYPES)
    for member in ("assetName", "assetVersion"):
        if found.get(member):
            check_asset_name(f"{member} of the output {name}", found[member])
    return {**found, "mode": mode, "jobOutputType": type_}


def _distribution(given: Any, nodes: int) -> dict[str, Any] | None:
    if given is None:
        return None
    wanted = given.get("distributionType") or ""
    kind = next((each for each in _DISTRIBUTIONS if each.lower() == wanted.lower()), None)
    if kind is None:
        raise not_served(f"the distribution {wanted[:40]!r}", f"use {', '.join(_DISTRIBUTIONS)}")
    each = {name: given[name] for name in _COUNTS if given.get(name) is not None}
    processes = nodes * each.get("processCountPerInstance", 1)
    if kind == "TensorFlow":
        processes = each.get("workerCount", nodes) + each.get("parameterServerCount", 0)
    if processes > MOST_PROCESSES:
        raise invalid(f"A job has at most {MOST_PROCESSES} processes, not {processes}.", "ArgumentInvalid")
    return {**each, "distributionType": kind}


def _limits(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    timeout = given.get("timeout")
    if timeout is not None and seconds(timeout) is None:
        raise invalid(f"limits.timeout is a time span such as PT1H, not {timeout[:40]!r}.", "ArgumentInvalid")
    return {"jobLimitsType": "Command", "timeout": timeout}


def _count(number: int | None) -> int:
    """How many nodes a job needs."""
    if number is None:
        return 1
    if not 1 <= number <= MOST_NODES:
        raise invalid(f"resources.instanceCount is a whole number from 1 to {MOST_NODES}, not {number}.")
    return number


def _check_word(member: str, given: Any, words: tuple[str, ...]) -> None:
    if given not in words:
        raise invalid(f"{member} is one of {', '.join(words)}, not {str(given)[:40]!r}.", "ArgumentInvalid")


def _named(properties: dict[str, Any], member: str) -> list[tuple[str, Any]]:
    found = properties.get(member) or {}
    for name in found:
        if not _NAME.fullmatch(name):
            text = f"The name {name[:60]!r} in {member} is not valid: it has letters, digits and '_', no digit first."
            raise invalid(text, "ArgumentInvalid")
    return list(found.items())
