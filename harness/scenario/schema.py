"""The scenario format as JSON Schema, for editors: made from the models, so it cannot disagree with them.

It accepts every scenario that ``load_scenario`` does and refuses most that it does not; what two fields say together
(a metric that is bounded but not defined) only the loader sees. ``python -m harness.scenario.schema`` prints it; a test
keeps ``scenario.schema.json``, which ships with the package, equal to it.
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
_PART = "-part"  # ending of the definitions of what a scenario says that extends another
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TEMPLATES: dict[str, _Schema] = {
    "text": {"type": "string", "pattern": rf"\{{{_NAME}\}}", "description": "A text with {parameter}s in it."},
    "value": {"type": "string", "pattern": rf"^\{{{_NAME}\}}$", "description": "The value of one {parameter}."},
}

# Shown by editors; what a field is called says the rest.
_DESCRIPTIONS = {
    "Scenario.scenario": "Name of the scenario, and of its folder of cassettes.",
    "Scenario.base": "Another scenario, relative to this file, that says what this one does not say.",
    "Scenario.description": "One line for people.",
    "Scenario.location": "Azure region that everything is created in.",
    "Scenario.resource_group": "Resource group that is created, and deleted with everything in it at the end.",
    "Scenario.share": "Azure file share, and what is uploaded to it.",
    "Scenario.shares": "More Azure file shares, each with a mount of its own.",
    "Scenario.containers": "Blob containers, each with a mount of its own.",
    "Scenario.cluster": "GPU cluster that jobs run on.",
    "Scenario.job": "Job that every trial runs; any value may hold {parameter}s.",
    "Scenario.parameters": "Values by name, for {name} anywhere else; --set NAME=VALUE changes one.",
    "Scenario.sweep": "Parameters that vary; every point is a trial.",
    "Scenario.metrics": "Numbers to read from the job's logs, by name.",
    "Scenario.expect": "What must come out; a trial that differs fails.",
    "Scenario.limits": "The longest that nodes are waited for, and that a job may run.",
    "Scenario.faults": "What it must survive: faults by name, which the emulator injects.",
    "Scenario.azureml": "What only Azure Machine Learning has; on Batch AI it has no effect.",
    "Scenario.scope": "How long pytest keeps group, share and cluster: for all trials, or for each its own.",
    "ShareSpec.name": "3 to 63 lower-case letters, digits and single hyphens.",
    "ShareSpec.mount": "Where nodes see the share, relative to $AZ_BATCHAI_MOUNT_ROOT.",
    "ShareSpec.directory": "Directory of the share that gets the uploads; empty for its root.",
    "ShareSpec.upload": "What is uploaded: data sets, and files relative to this file.",
    "ContainerSpec.name": "3 to 63 lower-case letters, digits and single hyphens.",
    "ContainerSpec.mount": "Where nodes see the container, relative to $AZ_BATCHAI_MOUNT_ROOT.",
    "ContainerSpec.directory": "Directory of the container that gets the uploads; empty for its root.",
    "ContainerSpec.upload": "What is uploaded: data sets, and files relative to this file.",
    "ClusterSpec.name": "Up to 64 letters, digits, hyphens and underscores.",
    "ClusterSpec.vm_size": "Azure VM size of every node.",
    "ClusterSpec.priority": "lowpriority costs less, and Azure may take nodes away.",
    "ClusterSpec.setup": "Command that runs on every node before it takes jobs.",
    "SetupSpec.command": "Shell command; root runs it. A node on which it fails is unusable.",
    "SetupSpec.stdouterr": "Directory that gets what it writes; default the root of the first share or container.",
    "SetupSpec.environment": "Environment variables of the command.",
    "ClusterSpec.nodes": "A number of nodes, or {min: 0, max: 4} to scale in.",
    "EnvironmentSpec.image": "Image of a container, or the id of an environment; default job.image.",
    "EnvironmentSpec.conda": "Conda file that adds to the image, relative to this file.",
    "AzureMlSpec.environment": "What jobs run in on Azure Machine Learning, in place of job.image.",
    "AzureMlSpec.identity": "Whose rights jobs have: user who submits them, or managed (of the compute).",
    "AzureMlSpec.serverless": "Nodes are made for each job; no compute is.",
    "AzureMlSpec.tier": "Priority of serverless jobs.",
    "AzureMlSpec.idle_time": "After which an idle node of the compute is released, ISO 8601.",
    "JobSpec.name": "Name of the job; a sweep adds the values of each trial.",
    "JobSpec.toolkit": "How the job is started; customToolkit and customMpi need command, the others script.",
    "JobSpec.image": "Container image, as Batch AI would have used it.",
    "JobSpec.nodes": "Nodes of the cluster that one job uses.",
    "JobSpec.script": "Training script, as a node sees it: $AZ_BATCHAI_INPUT_<ID>/train.py.",
    "JobSpec.args": "Command line arguments of the script.",
    "JobSpec.interpreter": "Python that runs the script; default the image's.",
    "JobSpec.processes": "Processes on all nodes together; default one on each.",
    "JobSpec.workers": "TensorFlow's workers; default one on each node.",
    "JobSpec.worker_args": "Arguments of TensorFlow's workers; args are the master's.",
    "JobSpec.parameter_servers": "TensorFlow's parameter servers; default 1 where the job has several nodes.",
    "JobSpec.parameter_server_args": "Arguments of TensorFlow's parameter servers.",
    "JobSpec.command": "Shell command, for customToolkit and customMpi; the value of a {parameter} is quoted.",
    "JobSpec.inputs": "Directories by id: the job sees them as $AZ_BATCHAI_INPUT_<ID>.",
    "JobSpec.outputs": "Output directories by id: the job sees them as $AZ_BATCHAI_OUTPUT_<ID>.",
    "JobSpec.stdouterr": "Directory that gets stdout.txt and stderr.txt.",
    "JobSpec.preparation": "Shell command that runs on every node before the job.",
    "JobSpec.gpus": "How many GPUs of each node it uses; default all. It sees them by CUDA_VISIBLE_DEVICES.",
    "JobSpec.environment": "Environment variables of the job, as they are written: 3.10 stays 3.10.",
    "OutputSpec.prefix": "Directory on a mount, below which the job gets one of its own.",
    "OutputSpec.suffix": "Directory below that one.",
    "SweepSpec.grid": "All combinations of these values.",
    "SweepSpec.zip": "First with first, second with second: lists of one length.",
    "SweepSpec.random": "Points that are drawn at random, from a seed.",
    "SweepSpec.sobol": "Points of a Sobol sequence, which cover the space evenly.",
    "SweepSpec.halton": "Points of a Halton sequence, which cover the space evenly.",
    "SweepSpec.list": "The trials themselves, one mapping each.",
    "SweepSpec.when": "Conditions under which a name is swept; elsewhere it has its value of parameters.",
    "SweepSpec.exclude": "Points that are left out: those that meet all conditions of one of these.",
    "SweepSpec.search": "A search for the best point, which chooses each from what came out so far.",
    "SearchSpec.space": "The values that each name takes.",
    "SearchSpec.trials": "How many trials at most.",
    "SearchSpec.sampler": "tpe, cmaes, nsga2, gp, grid, random, sobol, halton or module:attribute; or {name, options}.",
    "SearchSpec.pruner": "hyperband, asha, median, percentile, patience or module:attribute; or {name, options}.",
    "SearchSpec.seed": "The same seed and the same results choose the same points.",
    "SearchSpec.at_once": "How many trials run at a time; default as many as there are nodes for.",
    "SearchSpec.metric": "What the pruner looks at while a job runs: a metric with step: true.",
    "SearchSpec.constraints": "Bounds of metrics within which a trial counts.",
    "RetrySpec.node_lost": "Further attempts where the node was taken away.",
    "RetrySpec.exit_code": "Further attempts where the exit code is not 0; {times, codes} for some codes only.",
    "RetrySpec.timeout": "Further attempts where a limit was reached.",
    "Scenario.retries": "Which failures of a job are answered by another attempt, and how often.",
    "SweepSpec.goal": "Metrics to minimize and to maximize: which trial is the best.",
    "SampleSpec.samples": "How many points; no two are equal.",
    "SampleSpec.seed": "The same seed draws the same points.",
    "SampleSpec.space": "The values that each name is drawn from.",
    "RangeSpec.low": "The least value.",
    "RangeSpec.high": "The greatest value.",
    "RangeSpec.step": "Between two values.",
    "RangeSpec.count": "How many values, evenly spread.",
    "RangeSpec.log": "On a logarithmic scale.",
    "RangeSpec.integer": "Whole numbers only; default: where low, high and step are.",
    "FilesSpec.files": "A pattern of paths below the scenario's folder; each file is a value.",
    "SharedFilesSpec.share_files": "A pattern of the files that the scenario uploads; each is a value.",
    "SweepSpec.expect": "What must come out of all trials together.",
    "SweepExpectSpec.best": "Bounds of the best value of a metric: max where less is better, min where more is.",
    "SweepExpectSpec.failures": "How many trials may not be as expected.",
    "SweepExpectSpec.monotone": "Metrics that only rise, or only fall, with a parameter.",
    "SweepExpectSpec.baseline": "Earlier results, written by harness baseline save.",
    "MonotoneSpec.tolerance": "How far a value may lie on the wrong side of the one before.",
    "BaselineSpec.file": "Relative to this file.",
    "BaselineSpec.worse": "By how much each metric may be worse.",
    "GoalSpec.minimize": "A metric, or several.",
    "GoalSpec.maximize": "A metric, or several.",
    "MetricSpec.file": "A log, or OUTPUT/NAME of an output; default stderr.txt for a pattern, else metrics.jsonl.",
    "MetricSpec.key": "Key in a file of JSON lines; default the metric's name, as harness.job.log_metric writes it.",
    "MetricSpec.column": "Column of a CSV file.",
    "MetricSpec.tag": "Tag of a scalar in TensorBoard's event files.",
    "MetricSpec.index": "Key or column that numbers the steps.",
    "MetricSpec.pattern": "Regular expression whose first group is the number.",
    "MetricSpec.scale": "Factor of the number: 0.01 makes a fraction of a percentage.",
    "MetricSpec.step": "Keep every match as a series, not the last alone.",
    "ExpectSpec.state": "How the job must end.",
    "ExpectSpec.exit_code": "Its exit code.",
    "ExpectSpec.metrics": "Inclusive bounds by name of a metric.",
    "ExpectSpec.files": "Globs that must match, by id of an output directory or for stdouterr.",
    "FaultsSpec.seed": "The same seed and the same requests meet the same faults.",
    "FaultsSpec.throttle": "429 with Retry-After, or storage's ServerBusy: a rate, or {rate, times, seconds}.",
    "FaultsSpec.unavailable": "500 or 503, before or after the request took effect.",
    "FaultsSpec.drop": "The connection closes without an answer, before or after the request took effect.",
    "FaultsSpec.cut": "Half of the answer, then the connection closes.",
    "FaultsSpec.slow": "The answer comes some seconds late (0.5).",
    "FaultsSpec.expired-token": "401 ExpiredAuthenticationToken; that token is refused from then on.",
    "FaultsSpec.late-read": "404 for some seconds (1) after something was created; drawn for each creation.",
    "FaultsSpec.clock-skew": "The service's clock is some seconds ahead (1200).",
    "FaultsSpec.full-disk": "A write to storage, or a job's node, finds its disk full.",
    "FaultsSpec.image-pull": "A job's container image cannot be fetched.",
    "FaultsSpec.no-boot": "A node stays in preparing.",
    "FaultsSpec.preempt": "The node of a running job is taken away; drawn for each start of the job.",
    "FaultRule.rate": "How often it strikes, from 0 to 1.",
    "FaultRule.times": "How often it strikes at most.",
    "FaultRule.seconds": "How long it lasts, where it has a duration.",
    "Limits.queued": "ISO 8601 duration (PT30M), or seconds.",
    "Limits.running": "ISO 8601 duration (PT2H), or seconds.",
}


def scenario_schema() -> _Schema:
    """The schema of a scenario file, JSON Schema 2020-12."""
    made = Scenario.model_json_schema()
    definitions: dict[str, _Schema] = made.pop("$defs")
    literal = {name for field in LITERAL for name in _referred(made["properties"][field], definitions)}
    shapes = {"Scenario": made, **definitions}
    for name, shape in shapes.items():
        shape["description"] = shape.get("description", "").partition("\n\n")[0]
        for field, value in shape.get("properties", {}).items():
            is_literal = name in literal or (name == "Scenario" and field in LITERAL)
            shape["properties"][field] = _described(name, field, _opened(value, is_literal=is_literal))
    for field in _NULLABLE:
        made["properties"][field] = _either(made["properties"][field], {"type": "null"})
    _take_one_name(definitions["GoalSpec"], "minimize", "maximize")
    _take_one_name(definitions["SearchSpec"], "sampler", "pruner")
    _require_what_runs(definitions["JobSpec"])
    extending = _partial(made)
    parts = {f"{name}{_PART}": _partial(shape) for name, shape in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Batch AI harness scenario",
        "description": made["description"],
        "if": {"required": ["base"]},
        "then": {**extending, "required": ["scenario", "base"]},
        "else": made,
        "$defs": {**definitions, **parts, **_TEMPLATES},
    }


def _partial(schema: Any) -> Any:
    """What a scenario says that extends another one: nothing has to be there."""
    if isinstance(schema, list):
        return [_partial(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return schema if name in _TEMPLATES else {**schema, "$ref": f"{schema['$ref']}{_PART}"}
    conditions = ("required", "if", "then", "else")
    return {key: _partial(value) for key, value in schema.items() if key not in conditions}


def _take_one_name(shape: _Schema, *fields: str) -> None:
    """One name may be written alone, without a list or a mapping."""
    for field in fields:
        shape["properties"][field] = _either(shape["properties"][field], {"type": "string"})


def _opened(schema: _Schema, *, is_literal: bool) -> _Schema:
    """A schema that also takes what the loader turns into such a value: numbers for texts, and templates."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    for key in ("anyOf", "oneOf"):
        if key in schema:
            schema[key] = [_opened(one, is_literal=is_literal) for one in schema[key]]
    if "items" in schema:
        schema["items"] = _opened(schema["items"], is_literal=is_literal)
    if "patternProperties" in schema:
        inner = schema["patternProperties"].items()
        schema["patternProperties"] = {name: _opened(value, is_literal=is_literal) for name, value in inner}
        schema["additionalProperties"] = False
    return _opened_leaf(schema, is_literal=is_literal)


def _opened_leaf(schema: _Schema, *, is_literal: bool) -> _Schema:
    kind = schema.get("type")
    if schema.get("format") == "duration":
        text = {**schema, "pattern": "^(P|[0-9])"}
        return _either(text, {"type": "number", "exclusiveMinimum": 0}, {"$ref": "#/$defs/text"})
    if kind == "string" and schema.keys() & {"enum", "const"}:
        return schema if is_literal else _either(schema, {"$ref": "#/$defs/value"})
    if kind == "string" and "pattern" in schema:
        named = {**schema, "type": ["string", "integer", "boolean"]}
        return named if is_literal else _either(named, {"$ref": "#/$defs/text"})
    if kind == "string":
        return {**schema, "type": ["string", "number", "boolean"]}  # a text reaches the job as it is written
    if kind in ("integer", "number", "boolean") and not is_literal:
        return _either(schema, {"$ref": "#/$defs/value"})
    return schema


def _either(schema: _Schema, *others: _Schema) -> _Schema:
    """One of several, with what is said about the first said about all."""
    about: _Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in about}
    return {**about, "anyOf": [rest, *others]}


def _described(name: str, field: str, schema: _Schema) -> _Schema:
    text = _DESCRIPTIONS.get(f"{name}.{field}")
    return {"description": text, **schema} if text else schema


def _require_what_runs(job: _Schema) -> None:
    """``command`` for the two toolkits that run one, ``script`` for the others."""
    custom = {"properties": {"toolkit": {"enum": ["customToolkit", "customMpi"]}}}
    templated = {"properties": {"toolkit": {"$ref": "#/$defs/value"}}}
    job["if"], job["then"] = custom, {"required": ["command"]}
    job["else"] = {"if": templated, "else": {"required": ["script"]}}


def _referred(schema: Any, definitions: dict[str, _Schema]) -> Iterator[str]:
    """Names of the definitions that a schema refers to, directly or not."""
    if isinstance(schema, list):
        for one in schema:
            yield from _referred(one, definitions)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            yield name
            yield from _referred(definitions[name], definitions)
        for one in schema.values():
            yield from _referred(one, definitions)


def schema_text() -> str:
    """The schema as ``scenario.schema.json`` holds it."""
    return json.dumps(scenario_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
