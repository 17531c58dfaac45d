"""A scenario as files of Azure ML's command line: a job or a sweep job, its compute and its datastores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from harness.errors import ScenarioError, UserError
from harness.interchange.azureml_command import SENTINEL, SENTINELS, command_of
from harness.interchange.draft import yaml_text
from harness.scenario.azureml import datastore_name
from harness.scenario.document import FieldPath
from harness.scenario.model import ExpectSpec, Limits, Scenario, Trial
from harness.scenario.names import job_name
from harness.scenario.swept_values import RangeSpec
from harness.scenario.volumes import VolumeSpec

_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_MOST_FILES = 1_000


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file for ``az ml``.

    Attributes:
        name: of the file.
        text: YAML.
        command: that takes it.
    """

    name: str
    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Exported:
    """What a scenario is for Azure ML.

    Attributes:
        jobs: one, or one for each trial of a sweep that Azure ML has no search space for.
        others: what the jobs need: compute and datastores.
        notes: what the scenario says and the files do not, each with its line.
    """

    jobs: tuple[ExportedFile, ...]
    others: tuple[ExportedFile, ...]
    notes: tuple[str, ...]


def export_azureml(scenario: Scenario) -> Exported:
    """The files of a scenario.

    Raises:
        UserError: it would be too many of them.
        ScenarioError: one of its trials cannot work.
    """
    datastores = _datastores(scenario)
    notes = list(_notes(scenario))
    sweep = _sweep(scenario, datastores) if scenario.swept else None
    if sweep is not None:
        jobs = [ExportedFile("job.yml", yaml_text(sweep), "az ml job create -f")]
    else:
        if scenario.swept:
            notes.append(_at(scenario, ("sweep",), "Azure ML has no such search space; each trial is a job of its own"))
        jobs = list(_commands(scenario, datastores))
    return Exported(tuple(jobs), tuple(_others(scenario, datastores)), tuple(notes))


def _commands(scenario: Scenario, datastores: Mapping[FieldPath, str]) -> Iterator[ExportedFile]:
    if scenario.sweep.search is not None:
        raise UserError(
            f"{scenario.path}:{scenario.line('sweep', 'search')}: sweep.search: Azure ML has no such search space; "
            "sweep a list of choices or a range of real numbers that is not logarithmic, in the texts of the job"
        )
    if len(scenario.trials) > _MOST_FILES:
        raise UserError(
            f"{scenario.path}: has {len(scenario.trials)} trials, and an export writes {_MOST_FILES} jobs at most; "
            "fix some parameters with --set"
        )
    for trial in scenario.trials:
        document = {
            "$schema": f"{_SCHEMAS}/commandJob.schema.json",
            "type": "command",
            **_names(scenario, trial),
            **command_of(scenario, trial.job, datastores),
            "compute": f"azureml:{trial.cluster.name}",
            "limits": {"timeout": ceil(scenario.limits.running.total_seconds())},
        }
        name = "job.yml" if trial.id == "default" else f"{job_name('job', trial.id)}.yml"
        yield ExportedFile(name, yaml_text(document), "az ml job create -f")


def _sweep(scenario: Scenario, datastores: Mapping[FieldPath, str]) -> dict[str, Any] | None:
    """The sweep job; None where its search space, or the place of a swept value, is none of Azure ML's."""
    spec = scenario.sweep
    sample = spec.random or spec.sobol
    search = spec.search
    is_plain = not (spec.zip or spec.list or spec.when or spec.exclude or spec.halton or (spec.grid and sample))
    values = search.space if search else sample.space if sample else spec.grid
    is_grid = not (search or sample)
    space = {name: _distribution_of(given, is_grid=is_grid) for name, given in values.items()}
    if not is_plain or any(values is None for values in space.values()):
        return None
    names = [name for name in scenario.swept if name in space]
    sentinels = {name: SENTINEL.format(index=index) for index, name in enumerate(names)}
    try:
        trial = scenario.trial(sentinels)
    except ScenarioError:
        return None  # a number is swept that is no part of a text
    command = command_of(scenario, trial.job, datastores)
    kept = {name: command[name] for name in ("inputs", "outputs", "tags") if name in command}
    part = {name: value for name, value in command.items() if name not in kept}
    searched = {**part, "command": _expressions(part["command"], names)}
    elsewhere = str((kept, {**part, "command": ""}))
    if SENTINELS.search(elsewhere) or trial.cluster != scenario.cluster:
        return None
    goal = spec.goal
    metric = goal.names[0] if goal else next(iter(scenario.metrics), "loss")
    sampling: Any = "grid"
    if sample is not None:
        sampling = {"type": "random", "rule": "sobol" if spec.sobol else "random", "seed": sample.seed}
    elif search is not None:
        sampling = "bayesian"
    return {
        "$schema": f"{_SCHEMAS}/sweepJob.schema.json",
        "type": "sweep",
        **_names(scenario, trial),
        "tags": kept.get("tags", {}),
        "sampling_algorithm": sampling,
        "search_space": space,
        "objective": {"goal": goal.direction(metric) if goal else "minimize", "primary_metric": metric},
        "trial": searched,
        **{name: kept[name] for name in ("inputs", "outputs") if name in kept},
        "compute": f"azureml:{scenario.cluster.name}",
        "limits": {
            "max_total_trials": search.trials if search else sample.samples if sample else len(scenario.trials),
            "max_concurrent_trials": max(1, scenario.cluster.most_nodes // scenario.job.nodes),
            "trial_timeout": ceil(scenario.limits.running.total_seconds()),
        },
    }


def _distribution_of(values: Any, *, is_grid: bool) -> dict[str, Any] | None:
    """The values of a swept name as Azure ML has them; None where it has none of the kind."""
    if isinstance(values, RangeSpec):
        if is_grid or values.count is not None or (values.is_integer and not values.log):
            return {"type": "choice", "values": list(values.values())} if values.is_discrete else None
        ends = {"min_value": values.low, "max_value": values.high}
        if values.log or values.is_integer:
            return None  # Azure ML counts in logarithms: what comes back would not be what was given
        return {"type": "quniform", **ends, "q": values.step} if values.step else {"type": "uniform", **ends}
    return {"type": "choice", "values": list(values)} if isinstance(values, list) else None


def _names(scenario: Scenario, trial: Trial) -> dict[str, str]:
    names = {"display_name": trial.job.name, "experiment_name": scenario.scenario, "description": scenario.description}
    return {name: value for name, value in names.items() if value}


def _expressions(text: str, names: list[str]) -> str:
    return SENTINELS.sub(lambda found: f"${{{{search_space.{names[int(found[1])]}}}}}", text)


def _datastores(scenario: Scenario) -> dict[FieldPath, str]:
    return {field_path: datastore_name(volume.kind, volume.name) for field_path, volume in scenario.volumes.items()}


def _others(scenario: Scenario, datastores: Mapping[FieldPath, str]) -> Iterator[ExportedFile]:
    cluster = scenario.cluster
    nodes = (cluster.nodes, cluster.nodes) if isinstance(cluster.nodes, int) else (cluster.nodes.min, cluster.nodes.max)
    compute = {
        "$schema": f"{_SCHEMAS}/amlCompute.schema.json",
        "type": "amlcompute",
        "name": cluster.name,
        "size": cluster.vm_size,
        "tier": "dedicated" if cluster.priority == "dedicated" else "low_priority",
        "min_instances": nodes[0],
        "max_instances": nodes[1],
    }
    yield ExportedFile("compute.yml", yaml_text(compute), "az ml compute create -f")
    for field_path, volume in scenario.volumes.items():
        name = datastores[field_path]
        yield ExportedFile(f"datastore-{name}.yml", yaml_text(_datastore(volume, name)), "az ml datastore create -f")


def _datastore(volume: VolumeSpec, name: str) -> dict[str, str]:
    is_share = volume.kind == "share"
    return {
        "$schema": f"{_SCHEMAS}/{'azureFile' if is_share else 'azureBlob'}.schema.json",
        "type": "azure_file" if is_share else "azure_blob",
        "name": name,
        "account_name": "YOUR_STORAGE_ACCOUNT",
        ("file_share_name" if is_share else "container_name"): volume.name,
    }


def _notes(scenario: Scenario) -> Iterator[str]:
    for field_path, volume in scenario.volumes.items():
        if volume.upload:
            yield _at(scenario, (*field_path, "upload"), f"is not carried over: upload the files to the {volume.kind}")
    job, sweep = scenario.job, scenario.sweep
    said: list[tuple[FieldPath, object, str]] = [
        (("cluster", "setup"), scenario.cluster.setup, "each job runs it: Azure ML's nodes have no set-up task"),
        (
            ("job", "image"),
            (job.image or "").startswith("microsoft/"),
            "the image no longer exists: name one that has the framework",
        ),
        (("job", "worker_args"), job.worker_args or job.parameter_server_args, "all processes get the master's"),
        (("job", "stdouterr"), True, "logs are in user_logs of the job's run, not on the share"),
        (("sweep", "search"), sweep.search, "Azure ML samples by its own rule, and prunes nothing"),
        (("sweep", "goal"), sweep.goal, "the script must log the metric by MLflow for Azure ML to see it"),
        (("metrics",), scenario.metrics, "is not carried over: Azure ML has the metrics that a script logs by MLflow"),
        (("expect",), scenario.expect != ExpectSpec(), "is not carried over: Azure ML judges no outcome"),
        (("faults",), scenario.faults.rules, "is not carried over: Azure injects no faults"),
        (("limits", "queued"), scenario.limits.queued != Limits().queued, "is not carried over: jobs wait"),
    ]
    yield from (_at(scenario, field_path, text) for field_path, value, text in said if value)


def _at(scenario: Scenario, field_path: FieldPath, text: str) -> str:
    return f"{scenario.path}:{scenario.line(*field_path)}: {'.'.join(map(str, field_path))}: {text}"
