"""Trials as runs of MLflow: in a directory, a database or a tracking server (extra ``mlflow``)."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from harness.errors import UserError
from harness.experiments.outcomes import PRUNED, Outcome

_RUN, _TRIAL = "harness.run", "harness.trial"
_BATCH = 1000  # metrics of a request, MLflow's limit; for parameters and tags it is 100
_FEW = 100
_STATUSES = {"succeeded": "FINISHED", PRUNED: "KILLED"}  # MLflow's; any other state is FAILED
_LONGEST = 500  # characters of a tag or a parameter that every store takes


def export_to_mlflow(uri: str, run: str, outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Create an MLflow run for each trial, in an experiment that is named for its scenario.

    A second export creates only the missing runs: existing runs of this harness run stay unchanged.

    Args:
        uri: the URI of MLflow's store: ``file:///...``, ``sqlite:///...``, ``http://...``.
        run: the identity of the harness run.
        outcomes: the outcomes of the trials.

    Returns:
        The numbers of created and existing MLflow runs.

    Raises:
        UserError: MLflow refuses; the message is MLflow's.
    """
    created_count = existing_count = 0
    try:
        client = MlflowClient(uri)
        for scenario in dict.fromkeys(outcome.scenario for outcome in outcomes):
            experiment = _experiment(client, scenario)
            exported_trials = set(_exported(client, experiment, run))
            for outcome in outcomes:
                if outcome.scenario != scenario:
                    continue
                if outcome.trial in exported_trials:
                    existing_count += 1
                else:
                    _export(client, experiment, run, outcome)
                    created_count += 1
    except MlflowException as error:
        raise UserError(without_passwords(f"MLflow at {uri} refuses: {error.message}")) from None
    return created_count, existing_count


def without_passwords(text: str) -> str:
    """A text without the part before the host of an address, which may have a password."""
    return re.sub(r"//[^/\s]*@", "//...@", text)


def _experiment(client: MlflowClient, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id if experiment is not None else client.create_experiment(name))


def _exported(client: MlflowClient, experiment: str, run: str) -> Iterator[str]:
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{_RUN}` = '{run}'", max_results=_BATCH, page_token=token)
        yield from (str(mlflow_run.data.tags[_TRIAL]) for mlflow_run in page if _TRIAL in mlflow_run.data.tags)
        token = page.token
        if not token:
            return


def _export(client: MlflowClient, experiment: str, run: str, outcome: Outcome) -> None:
    started, ended = (_milliseconds(outcome.times.get(name)) for name in ("started", "ended"))
    # The tag of the trial is set last, so that an incomplete export is repeated.
    tags = {
        _RUN: run, "harness.state": outcome.state, "harness.expected": str(outcome.is_met).lower(),
        "harness.exit_code": str(outcome.exit_code), "harness.cloud": outcome.cloud, "harness.service": outcome.service,
        "harness.data": str(outcome.data), "harness.toolkit": outcome.toolkit, "harness.directory": outcome.directory,
        **{f"harness.version.{name}": value for name, value in outcome.versions.items()},
    }  # fmt: skip
    mlflow_run = client.create_run(experiment, start_time=started, run_name=outcome.trial[:_LONGEST])
    key = mlflow_run.info.run_id
    metrics = list(_metrics(outcome, ended or started or int(mlflow_run.info.start_time)))
    params = [Param(name, str(value)[:_LONGEST]) for name, value in outcome.parameters.items()]
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(key, metrics=metrics[start : start + _BATCH])
    for start in range(0, len(params), _FEW):
        client.log_batch(key, params=params[start : start + _FEW])
    client.log_batch(key, tags=[RunTag(name, value[:_LONGEST]) for name, value in tags.items()][:_FEW])
    client.set_terminated(key, _STATUSES.get(outcome.state, "FAILED"), ended)
    client.set_tag(key, _TRIAL, outcome.trial)


def _metrics(outcome: Outcome, moment: int) -> Iterator[Metric]:
    """Each value of a series with its step, and the last value of metrics without series."""
    for name, values in outcome.series.items():
        steps = outcome.steps.get(name) or range(1, len(values) + 1)
        yield from (Metric(name, value, moment, step) for value, step in zip(values, steps, strict=False))
    for name, value in outcome.metrics.items():
        if not outcome.series.get(name):
            yield Metric(name, value, moment, 0)


def _milliseconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)
