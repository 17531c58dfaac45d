"""The scenario format as JSON Schema, for editors. The schema is generated from the models, so that both always agree.

The schema accepts every scenario that ``load_scenario`` accepts, and refuses most others; only the loader finds
contradictions between fields, such as a bound of an undefined metric. ``python -m harness.scenario.schema`` prints the
schema; a test keeps ``scenario.schema.json``, which ships with the package, equal to it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.scenario.model import Scenario
from harness.scenario.template import LITERAL

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")

_Schema = dict[str, Any]
_NULLABLE = ("parameters", "sweep")
_PART = "-part"  # suffix of definitions for scenarios that extend another, in which no field is required
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TEMPLATES: dict[str, _Schema] = {
    "text": {"type": "string", "pattern": rf"\{{{_NAME}\}}", "description": "A text with {parameter}s in it."},
    "value": {"type": "string", "pattern": rf"^\{{{_NAME}\}}$", "description": "The value of one {parameter}."},
}

# Editors show these texts; fields without a text are explained by their names.
_DESCRIPTIONS = {
    "Scenario.scenario": "Name of the scenario, and of its folder of cassettes.",
    "Scenario.base": "Another scenario, relative to this file, whose values apply unless this file replaces them.",
    "Scenario.description": "A line of text for readers.",
    "Scenario.location": "Azure region that everything is created in.",
    "Scenario.resource_group": "Resource group that is created, and deleted with everything in it at the end.",
    "Scenario.share": "Azure file share, and what is uploaded to it.",
    "Scenario.shares": "More Azure file shares, each with its own mount.",
    "Scenario.containers": "Blob containers, each with its own mount.",
    "Scenario.cluster": "GPU cluster that jobs run on.",
    "Scenario.job": "Job that every trial runs; any value may hold {parameter}s.",
    "Scenario.parameters": "Values by name, for {name} anywhere else; --set NAME=VALUE changes one.",
    "Scenario.sweep": "Parameters that vary; every point is a trial.",
    "Scenario.metrics": "Numbers to read from the job's logs, by name.",
    "Scenario.expect": "The expected result; a trial with another result fails.",
    "Scenario.limits": "The longest time that a job may wait for nodes, and that it may run.",
    "Scenario.faults": "Faults that the emulator injects, by name.",
    "Scenario.azureml": "Options of Azure Machine Learning; Batch AI ignores them.",
    "Scenario.scope": "In pytest: all trials share the group, share and cluster (session), or each has its own.",
    "ShareSpec.name": "3 to 63 lower-case letters, digits and single hyphens.",
    "ShareSpec.mount": "Mount point of the share on nodes, relative to $AZ_BATCHAI_MOUNT_ROOT.",
    "ShareSpec.directory": "Directory of the share that receives the uploads; empty for its root.",
    "ShareSpec.upload": "What is uploaded: data sets, and files relative to this file.",
    "ContainerSpec.name": "3 to 63 lower-case letters, digits and single hyphens.",
    "ContainerSpec.mount": "Mount point of the container on nodes, relative to $AZ_BATCHAI_MOUNT_ROOT.",
    "ContainerSpec.directory": "Directory of the container that receives the uploads; empty for its root.",
    "ContainerSpec.upload": "What is uploaded: data sets, and files relative to this file.",
    "ClusterSpec.name": "Up to 64 letters, digits, hyphens and underscores.",
    "ClusterSpec.vm_size": "Azure VM size of every node.",
    "ClusterSpec.priority": "lowpriority costs less, and Azure may take nodes away.",
    "ClusterSpec.setup": "Command that runs on every node before it takes jobs.",
    "SetupSpec.command": "Shell command, which runs as root. A node on which it fails is unusable.",
    "SetupSpec.stdouterr": "Directory of its logs; default the root of the first share or container.",
    "SetupSpec.environment": "Environment variables of the command.",
    "ClusterSpec.nodes": "A number of nodes, or {min: 0, max: 4} to scale in.",
    "EnvironmentSpec.image": "Image of a container, or the id of an environment; default job.image.",
    "EnvironmentSpec.conda": "Conda file that adds to the image, relative to this file.",
    "AzureMlSpec.environment": "Environment of jobs on Azure Machine Learning, in place of job.image.",
    "AzureMlSpec.identity": "Identity of jobs: that of the user who submits them, or managed (of the compute).",
    "AzureMlSpec.serverless": "Each job gets its own nodes, without a compute.",
    "AzureMlSpec.tier": "Priority of serverless jobs.",
    "AzureMlSpec.idle_time": "Time after which an idle node of the compute is released, ISO 8601.",
    "JobSpec.name": "Name of the job; a sweep adds the values of each trial.",
    "JobSpec.toolkit": "How the job is started; customToolkit and customMpi need command, the others script.",
    "JobSpec.image": "Container image that the job runs in.",
    "JobSpec.nodes": "Number of the cluster's nodes that a job uses.",
    "JobSpec.script": "Path of the training script on a node, such as $AZ_BATCHAI_INPUT_<ID>/train.py.",
    "JobSpec.args": "Command line arguments of the script.",
    "JobSpec.interpreter": "Python that runs the script; default the image's.",
    "JobSpec.processes": "Processes on all nodes together; default one on each.",
    "JobSpec.workers": "TensorFlow's workers; default one on each node.",
    "JobSpec.worker_args": "Arguments of TensorFlow's workers; args are those of the master.",
    "JobSpec.parameter_servers": "TensorFlow's parameter servers; default 1 if the job has several nodes.",
    "JobSpec.parameter_server_args": "Arguments of TensorFlow's parameter servers.",
    "JobSpec.command": "Shell command, for customToolkit and customMpi; the value of a {parameter} is quoted.",
    "JobSpec.inputs": "Directories by id: the job sees them as $AZ_BATCHAI_INPUT_<ID>.",
    "JobSpec.outputs": "Output directories by id: the job sees them as $AZ_BATCHAI_OUTPUT_<ID>.",
    "JobSpec.stdouterr": "Directory that receives stdout.txt and stderr.txt.",
    "JobSpec.preparation": "Shell command that runs on every node before the job.",
    "JobSpec.gpus": "How many GPUs of each node the job uses, as CUDA_VISIBLE_DEVICES; default all.",
    "JobSpec.environment": "Environment variables of the job; values are texts as written, so that 3.10 stays 3.10.",
    "OutputSpec.prefix": "Directory on a mount, in which the job gets its own directory.",
    "OutputSpec.suffix": "Directory inside the job's own directory.",
    "SweepSpec.grid": "All combinations of these values.",
    "SweepSpec.zip": "Lists of equal length, combined element by element.",
    "SweepSpec.random": "Points that are drawn at random from a seed.",
    "SweepSpec.sobol": "Points of a Sobol sequence, which cover the space evenly.",
    "SweepSpec.halton": "Points of a Halton sequence, which cover the space evenly.",
    "SweepSpec.list": "The trials themselves, one mapping each.",
    "SweepSpec.when": "Conditions under which a name is swept; otherwise it has its value of parameters.",
    "SweepSpec.exclude": "Points that are excluded: those that meet all conditions of an entry.",
    "SweepSpec.search": "A search for the best point, which chooses points from earlier results.",
    "SearchSpec.space": "The values that each name may have.",
    "SearchSpec.trials": "The largest number of trials.",
    "SearchSpec.sampler": "tpe, cmaes, nsga2, gp, grid, random, sobol, halton or module:attribute; or {name, options}.",
    "SearchSpec.pruner": "hyperband, asha, median, percentile, patience or module:attribute; or {name, options}.",
    "SearchSpec.seed": "The same seed and the same results choose the same points.",
    "SearchSpec.at_once": "How many trials run at a time; default as many as there are nodes for.",
    "SearchSpec.metric": "Metric that the pruner reads while a job runs; it needs step: true.",
    "SearchSpec.constraints": "Bounds of metrics within which a trial is feasible.",
    "RetrySpec.node_lost": "Further attempts after the job has lost its node.",
    "RetrySpec.exit_code": "Further attempts after an exit code other than 0; {times, codes} for some codes only.",
    "RetrySpec.timeout": "Further attempts after a limit was reached.",
    "Scenario.retries": "Number of further attempts after a failure of a job, by the reason of the failure.",
    "SweepSpec.goal": "Metrics to minimize and to maximize, which decide which trial is the best.",
    "SampleSpec.samples": "How many points; no two are equal.",
    "SampleSpec.seed": "The same seed draws the same points.",
    "SampleSpec.space": "The values that each name is drawn from.",
    "RangeSpec.low": "The least value.",
    "RangeSpec.high": "The greatest value.",
    "RangeSpec.step": "The difference between two values.",
    "RangeSpec.count": "How many values, evenly spread.",
    "RangeSpec.log": "Spread the values on a logarithmic scale.",
    "RangeSpec.integer": "Whole numbers only; default: whether low, high and step are whole numbers.",
    "FilesSpec.files": "A pattern of paths below the scenario's folder; each file is a value.",
    "SharedFilesSpec.share_files": "A pattern of the files that the scenario uploads; each is a value.",
    "SweepSpec.expect": "Expectations on all trials together.",
    "SweepExpectSpec.best": "Bounds of the best value of a metric: max if smaller is better, min if larger is better.",
    "SweepExpectSpec.failures": "How many trials may fail their expectations.",
    "SweepExpectSpec.monotone": "Metrics that only increase, or only decrease, with a parameter.",
    "SweepExpectSpec.baseline": "Earlier results, written by harness baseline save.",
    "MonotoneSpec.tolerance": "How far a value may deviate in the wrong direction from the value before.",
    "BaselineSpec.file": "File of the baseline, relative to this file.",
    "BaselineSpec.worse": "By how much each metric may be worse.",
    "GoalSpec.minimize": "A metric, or several.",
    "GoalSpec.maximize": "A metric, or several.",
    "MetricSpec.file": "A log, or OUTPUT/NAME of an output; default stderr.txt for a pattern, else metrics.jsonl.",
    "MetricSpec.key": "Key in a file of JSON lines; default the metric's name, as harness.job.log_metric writes it.",
    "MetricSpec.column": "Column of a CSV file.",
    "MetricSpec.tag": "Tag of a scalar in TensorBoard's event files.",
    "MetricSpec.index": "Key or column that numbers the steps.",
    "MetricSpec.pattern": "Regular expression whose first group is the number.",
    "MetricSpec.scale": "Factor for the number: 0.01 turns a percentage into a fraction.",
    "MetricSpec.step": "Keep every value as a series, not only the last one.",
    "ExpectSpec.state": "Expected final state of the job.",
    "ExpectSpec.exit_code": "Expected exit code of the job.",
    "ExpectSpec.metrics": "Inclusive bounds by name of a metric.",
    "ExpectSpec.files": "Globs that must match, by id of an output directory or for stdouterr.",
    "FaultsSpec.seed": "The same seed and the same requests give the same faults.",
    "FaultsSpec.throttle": "429 with Retry-After, or storage's ServerBusy: a rate, or {rate, times, seconds}.",
    "FaultsSpec.unavailable": "500 or 503, before or after the request took effect.",
    "FaultsSpec.drop": "The connection closes without a response, before or after the request took effect.",
    "FaultsSpec.cut": "The connection closes after half of the response.",
    "FaultsSpec.slow": "The response is delayed by some seconds (0.5).",
    "FaultsSpec.expired-token": "401 ExpiredAuthenticationToken; that token is refused from then on.",
    "FaultsSpec.late-read": "404 for some seconds (1) after something was created; drawn for each creation.",
    "FaultsSpec.clock-skew": "The service's clock is some seconds ahead (1200).",
    "FaultsSpec.full-disk": "A write to storage, or on a job's node, fails because the disk is full.",
    "FaultsSpec.image-pull": "A job's container image cannot be pulled.",
    "FaultsSpec.no-boot": "A node stays in the state preparing.",
    "FaultsSpec.preempt": "A running job loses its node; drawn for each start of the job.",
    "FaultRule.rate": "Probability that the fault strikes, from 0 to 1.",
    "FaultRule.times": "How many times the fault strikes at most.",
    "FaultRule.seconds": "How long the fault lasts, if it has a duration.",
    "Limits.queued": "ISO 8601 duration (PT30M), or seconds.",
    "Limits.running": "ISO 8601 duration (PT2H), or seconds.",
}


def scenario_schema() -> _Schema:
    """Return the schema of a scenario file, JSON Schema 2020-12."""
    scenario = Scenario.model_json_schema()
    definitions: dict[str, _Schema] = scenario.pop("$defs")
    literal = {name for field in LITERAL for name in _referenced_names(scenario["properties"][field], definitions)}
    shapes = {"Scenario": scenario, **definitions}
    for name, shape in shapes.items():
        shape["description"] = shape.get("description", "").partition("\n\n")[0]
        for field, value in shape.get("properties", {}).items():
            is_literal = name in literal or (name == "Scenario" and field in LITERAL)
            shape["properties"][field] = _add_description(name, field, _extended(value, is_literal=is_literal))
    for field in _NULLABLE:
        scenario["properties"][field] = _any_of(scenario["properties"][field], {"type": "null"})
    _allow_single_name(definitions["GoalSpec"], "minimize", "maximize")
    _allow_single_name(definitions["SearchSpec"], "sampler", "pruner")
    _require_command_or_script(definitions["JobSpec"])
    extension = _partial(scenario)
    parts = {f"{name}{_PART}": _partial(shape) for name, shape in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Batch AI harness scenario",
        "description": scenario["description"],
        "if": {"required": ["base"]},
        "then": {**extension, "required": ["scenario", "base"]},
        "else": scenario,
        "$defs": {**definitions, **parts, **_TEMPLATES},
    }


def _partial(schema: Any) -> Any:
    """Return the schema of a part of a scenario that extends another, in which no field is required."""
    if isinstance(schema, list):
        return [_partial(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return schema if name in _TEMPLATES else {**schema, "$ref": f"{schema['$ref']}{_PART}"}
    conditions = ("required", "if", "then", "else")
    return {key: _partial(value) for key, value in schema.items() if key not in conditions}


def _allow_single_name(shape: _Schema, *fields: str) -> None:
    """Allow a single name in place of a list or a mapping."""
    for field in fields:
        shape["properties"][field] = _any_of(shape["properties"][field], {"type": "string"})


def _extended(schema: _Schema, *, is_literal: bool) -> _Schema:
    """Extend a schema by values that the loader converts: numbers in place of texts, and templates."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    for key in ("anyOf", "oneOf"):
        if key in schema:
            schema[key] = [_extended(alternative, is_literal=is_literal) for alternative in schema[key]]
    if "items" in schema:
        schema["items"] = _extended(schema["items"], is_literal=is_literal)
    if "patternProperties" in schema:
        inner = schema["patternProperties"].items()
        schema["patternProperties"] = {name: _extended(value, is_literal=is_literal) for name, value in inner}
        schema["additionalProperties"] = False
    return _extended_leaf(schema, is_literal=is_literal)


def _extended_leaf(schema: _Schema, *, is_literal: bool) -> _Schema:
    kind = schema.get("type")
    if schema.get("format") == "duration":
        text = {**schema, "pattern": "^(P|[0-9])"}
        return _any_of(text, {"type": "number", "exclusiveMinimum": 0}, {"$ref": "#/$defs/text"})
    if kind == "string" and schema.keys() & {"enum", "const"}:
        return schema if is_literal else _any_of(schema, {"$ref": "#/$defs/value"})
    if kind == "string" and "pattern" in schema:
        pattern = {**schema, "type": ["string", "integer", "boolean"]}
        return pattern if is_literal else _any_of(pattern, {"$ref": "#/$defs/text"})
    if kind == "string":
        return {**schema, "type": ["string", "number", "boolean"]}  # the loader uses the source text
    if kind in ("integer", "number", "boolean") and not is_literal:
        return _any_of(schema, {"$ref": "#/$defs/value"})
    return schema


def _any_of(schema: _Schema, *alternatives: _Schema) -> _Schema:
    """Return a union of schemas, with the description and default of the first."""
    annotations: _Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    first = {key: value for key, value in schema.items() if key not in annotations}
    return {**annotations, "anyOf": [first, *alternatives]}


def _add_description(name: str, field: str, schema: _Schema) -> _Schema:
    text = _DESCRIPTIONS.get(f"{name}.{field}")
    return {"description": text, **schema} if text else schema


def _require_command_or_script(job: _Schema) -> None:
    """Require ``command`` for the two toolkits that run a command, ``script`` for the others."""
    custom = {"properties": {"toolkit": {"enum": ["customToolkit", "customMpi"]}}}
    templated = {"properties": {"toolkit": {"$ref": "#/$defs/value"}}}
    job["if"], job["then"] = custom, {"required": ["command"]}
    job["else"] = {"if": templated, "else": {"required": ["script"]}}


def _referenced_names(schema: Any, definitions: dict[str, _Schema]) -> Iterator[str]:
    """Yield the names of the definitions that a schema references, directly or indirectly."""
    if isinstance(schema, list):
        for part in schema:
            yield from _referenced_names(part, definitions)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            yield name
            yield from _referenced_names(definitions[name], definitions)
        for part in schema.values():
            yield from _referenced_names(part, definitions)


def schema_text() -> str:
    """Return the schema as the text of ``scenario.schema.json``."""
    return json.dumps(scenario_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
