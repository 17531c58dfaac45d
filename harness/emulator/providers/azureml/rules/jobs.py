"""What the body of a job means; pure."""

import re
from datetime import datetime
from typing import Any

from harness.emulator.engine.rules.durations import seconds
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.azureml.errors import invalid, not_served
from harness.emulator.providers.azureml.model.job import JobDetails
from harness.emulator.providers.azureml.rules.expressions import check_command

MOST_NODES = 100
_LATER = {"Sweep": "sweep jobs", "Pipeline": "pipeline jobs", "AutoML": "AutoML jobs", "Spark": "Spark jobs"}
_NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
_INPUT_TYPES = ("uri_folder", "uri_file", "mltable", "literal", "custom_model", "mlflow_model", "triton_model")
_INPUT_MODES = ("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload")
_OUTPUT_MODES = ("ReadWriteMount", "Upload", "Direct")
_DISTRIBUTIONS = ("PyTorch", "Mpi", "TensorFlow")
_LIFETIME = 21 * 86_400.0  # seconds that a job may run on dedicated nodes


def read_job(name: str, document: dict[str, Any], *, run_number: int, now: datetime) -> JobDetails:
    """The job that a body describes.

    Raises:
        AzureMLError: the body is wrong, or of a type that the emulator does not play yet.
    """
    properties = _object(document.get("properties"), "properties")
    type_ = str(properties.get("jobType", ""))
    if type_ in _LATER:
        raise not_served(_LATER[type_], "submit command jobs, as the sweeps of 'harness run' do")
    if type_ != "Command":
        raise invalid(f"The job type {type_[:40]!r} is not valid; use Command.", "ArgumentInvalid")
    command = properties.get("command")
    if not isinstance(command, str) or not command.strip():
        raise invalid("A command job has a 'command'.", "ArgumentInvalid")
    inputs = {each: _input(each, value) for each, value in _named(properties, "inputs")}
    outputs = {each: _output(each, value) for each, value in _named(properties, "outputs") if each != "default"}
    check_command(command, inputs, outputs)
    resources = _object(properties.get("resources") or {}, "resources")
    _check_count(resources.get("instanceCount", 1))
    return JobDetails(
        name=name,
        created=now,
        run_number=run_number,
        experiment=properties.get("experimentName") or "Default",
        display_name=properties.get("displayName") or name,
        command=command,
        environment=properties.get("environmentId"),
        code=properties.get("codeId"),
        compute=properties.get("computeId"),
        description=properties.get("description"),
        tags=parse_tags(properties) or {},
        properties=_texts(properties, "properties"),
        is_archived=bool(properties.get("isArchived", False)),
        inputs=inputs,
        outputs=outputs,
        variables=_texts(properties, "environmentVariables"),
        resources=resources,
        distribution=_distribution(properties.get("distribution")),
        limits=_limits(properties.get("limits")),
        identity=properties.get("identity"),
        queue=properties.get("queueSettings"),
    )


def wall_clock(details: JobDetails) -> float:
    """The seconds that a job may run."""
    timeout = (details.limits or {}).get("timeout")
    return (seconds(timeout) if isinstance(timeout, str) else None) or _LIFETIME


def _input(name: str, given: Any) -> dict[str, Any]:
    found = _object(given, f"inputs.{name}")
    type_ = found.get("jobInputType") or ("literal" if "value" in found else "uri_folder")
    _check_word(f"inputs.{name}.jobInputType", type_, _INPUT_TYPES)
    if type_ == "literal":
        return {"description": found.get("description"), "value": str(found.get("value", "")), "jobInputType": type_}
    mode = found.get("mode") or "ReadOnlyMount"
    _check_word(f"inputs.{name}.mode", mode, _INPUT_MODES)
    if not isinstance(found.get("uri"), str) or not found["uri"]:
        raise invalid(f"The input {name} has no 'uri'.", "ArgumentInvalid")
    return {"description": found.get("description"), "uri": found["uri"], "mode": mode, "jobInputType": type_}


def _output(name: str, given: Any) -> dict[str, Any]:
    found = _object(given or {}, f"outputs.{name}")
    mode = found.get("mode") or "ReadWriteMount"
    _check_word(f"outputs.{name}.mode", mode, _OUTPUT_MODES)
    return {**found, "mode": mode, "jobOutputType": found.get("jobOutputType") or "uri_folder"}


def _distribution(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    found = _object(given, "distribution")
    wanted = str(found.get("distributionType", ""))
    kind = next((each for each in _DISTRIBUTIONS if each.lower() == wanted.lower()), None)
    if kind is None:
        raise not_served(f"the distribution {wanted[:40]!r}", f"use {', '.join(_DISTRIBUTIONS)}")
    return {**found, "distributionType": kind}


def _limits(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    timeout = _object(given, "limits").get("timeout")
    if timeout is not None and (not isinstance(timeout, str) or seconds(timeout) is None):
        raise invalid(f"limits.timeout is a time span such as PT1H, not {str(timeout)[:40]!r}.", "ArgumentInvalid")
    return {"jobLimitsType": "Command", "timeout": timeout}


def _check_count(number: Any) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_NODES:
        raise invalid(f"resources.instanceCount is a whole number from 1 to {MOST_NODES}, not {str(number)[:20]}.")


def _check_word(member: str, given: Any, words: tuple[str, ...]) -> None:
    if given not in words:
        raise invalid(f"{member} is one of {', '.join(words)}, not {str(given)[:40]!r}.", "ArgumentInvalid")


def _named(properties: dict[str, Any], member: str) -> list[tuple[str, Any]]:
    found = _object(properties.get(member) or {}, member)
    for name in found:
        if not _NAME.fullmatch(name):
            text = f"The name {name[:60]!r} in {member} is not valid: it has letters, digits and '_', no digit first."
            raise invalid(text, "ArgumentInvalid")
    return list(found.items())


def _texts(properties: dict[str, Any], member: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in _object(properties.get(member) or {}, member).items()}


def _object(given: Any, what: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"'{what}' of a job is an object.", "ArgumentInvalid")
    return given
