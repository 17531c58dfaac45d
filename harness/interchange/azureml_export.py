"""Export of a scenario to files of Azure ML's command line: a job or a sweep job, its compute and its datastores."""

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
        name: the name of the file.
        text: the content, YAML.
        command: the command that takes the file.
    """

    name: str
    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Export:
    """The files of a scenario for Azure ML.

    Attributes:
        jobs: one job, or a job for each trial of a sweep that is not a search space of Azure ML.
        resources: the compute and the datastores that the jobs need.
        notes: parts of the scenario that the files cannot express, each with its line.
    """

    jobs: tuple[ExportedFile, ...]
    resources: tuple[ExportedFile, ...]
    notes: tuple[str, ...]


def export_azureml(scenario: Scenario) -> Export:
    """Convert a scenario to files for Azure ML.

    Raises:
        UserError: there would be too many files.
        ScenarioError: a trial cannot work.
    """
    datastores = _datastores(scenario)
    notes = list(_notes(scenario))
    sweep = _sweep(scenario, datastores) if scenario.swept else None
    if sweep is not None:
        jobs = [ExportedFile("job.yml", yaml_text(sweep), "az ml job create -f")]
    else:
        if scenario.swept:
            notes.append(_at(scenario, ("sweep",), "Azure ML has no such search space; each trial is a separate job"))
        jobs = list(_commands(scenario, datastores))
    return Export(tuple(jobs), tuple(_resources(scenario, datastores)), tuple(notes))


def _commands(scenario: Scenario, datastores: Mapping[FieldPath, str]) -> Iterator[ExportedFile]:
    if scenario.sweep.search is not None:
        raise UserError(
            f"{scenario.path}:{scenario.line('sweep', 'search')}: sweep.search: Azure ML has no such search space; "
            "sweep choices or a range of real numbers that is not logarithmic, and use them in texts of the job"
        )
    if len(scenario.trials) > _MOST_FILES:
        raise UserError(
            f"{scenario.path}: has {len(scenario.trials)} trials, and an export writes at most {_MOST_FILES} jobs; "
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
    """Return the sweep job; None if Azure ML has no such search space, or cannot use a swept value where it is."""
    spec = scenario.sweep
    sample = spec.random or spec.sobol
    search = spec.search
    is_plain = not (spec.zip or spec.list or spec.when or spec.exclude or spec.halton or (spec.grid and sample))
    values = search.space if search else sample.space if sample else spec.grid
    is_grid = not (search or sample)
    space = {name: _distribution_of(swept, is_grid=is_grid) for name, swept in values.items()}
    if not is_plain or any(values is None for values in space.values()):
        return None
    names = [name for name in scenario.swept if name in space]
    sentinels = {name: SENTINEL.format(index=index) for index, name in enumerate(names)}
    try:
        trial = scenario.trial(sentinels)
    except ScenarioError:
        return None  # a swept value is a number of its own, such as nodes: a sentinel is not a number
    command = command_of(scenario, trial.job, datastores)
    shared = {name: command[name] for name in ("inputs", "outputs", "tags") if name in command}
    part = {name: value for name, value in command.items() if name not in shared}
    trial_fields = {**part, "command": _expressions(part["command"], names)}
    other_fields = str((shared, {**part, "command": ""}))
    if SENTINELS.search(other_fields) or trial.cluster != scenario.cluster:
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
        "tags": shared.get("tags", {}),
        "sampling_algorithm": sampling,
        "search_space": space,
        "objective": {"goal": goal.direction(metric) if goal else "minimize", "primary_metric": metric},
        "trial": trial_fields,
        **{name: shared[name] for name in ("inputs", "outputs") if name in shared},
        "compute": f"azureml:{scenario.cluster.name}",
        "limits": {
            "max_total_trials": search.trials if search else sample.samples if sample else len(scenario.trials),
            "max_concurrent_trials": max(1, scenario.cluster.most_nodes // scenario.job.nodes),
            "trial_timeout": ceil(scenario.limits.running.total_seconds()),
        },
    }


def _distribution_of(values: Any, *, is_grid: bool) -> dict[str, Any] | None:
    """Return the values of a swept name as a distribution of Azure ML; None if it has no such distribution."""
    if isinstance(values, RangeSpec):
        if is_grid or values.count is not None or (values.is_integer and not values.log):
            return {"type": "choice", "values": list(values.values())} if values.is_discrete else None
        ends = {"min_value": values.low, "max_value": values.high}
        if values.log or values.is_integer:
            return None  # Azure ML takes the logarithms of the bounds, so that a round trip would change them
        return {"type": "quniform", **ends, "q": values.step} if values.step else {"type": "uniform", **ends}
    return {"type": "choice", "values": list(values)} if isinstance(values, list) else None


def _names(scenario: Scenario, trial: Trial) -> dict[str, str]:
    names = {"display_name": trial.job.name, "experiment_name": scenario.scenario, "description": scenario.description}
    return {name: value for name, value in names.items() if value}


def _expressions(text: str, names: list[str]) -> str:
    return SENTINELS.sub(lambda match: f"${{{{search_space.{names[int(match[1])]}}}}}", text)


def _datastores(scenario: Scenario) -> dict[FieldPath, str]:
    return {field_path: datastore_name(volume.kind, volume.name) for field_path, volume in scenario.volumes.items()}


def _resources(scenario: Scenario, datastores: Mapping[FieldPath, str]) -> Iterator[ExportedFile]:
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
            yield _at(scenario, (*field_path, "upload"), f"is not exported: upload the files to the {volume.kind}")
    job, sweep = scenario.job, scenario.sweep
    facts: list[tuple[FieldPath, object, str]] = [
        (
            ("cluster", "setup"),
            scenario.cluster.setup,
            "each job runs it, because Azure ML's nodes have no set-up task",
        ),
        (
            ("job", "image"),
            (job.image or "").startswith("microsoft/"),
            "the image no longer exists: name one that has the framework",
        ),
        (
            ("job", "worker_args"),
            job.worker_args or job.parameter_server_args,
            "all processes get the arguments of the master",
        ),
        (("job", "stdouterr"), True, "logs are in user_logs of the job's run, not on the share"),
        (("sweep", "search"), sweep.search, "Azure ML uses its own sampling algorithm, and prunes nothing"),
        (("sweep", "goal"), sweep.goal, "the script must log the metric with MLflow, where Azure ML reads it"),
        (("metrics",), scenario.metrics, "is not exported: Azure ML has the metrics that a script logs with MLflow"),
        (("expect",), scenario.expect != ExpectSpec(), "is not exported: Azure ML has no expectations"),
        (("faults",), scenario.faults.rules, "is not exported: Azure injects no faults"),
        (("limits", "queued"), scenario.limits.queued != Limits().queued, "is not exported: jobs wait without limit"),
    ]
    yield from (_at(scenario, field_path, text) for field_path, value, text in facts if value)


def _at(scenario: Scenario, field_path: FieldPath, text: str) -> str:
    return f"{scenario.path}:{scenario.line(*field_path)}: {'.'.join(map(str, field_path))}: {text}"
