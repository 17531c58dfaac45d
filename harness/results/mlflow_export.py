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
_BATCH = 1000  # metrics, MLflow's own limit of a request; of parameters and tags it is 100
_FEW = 100
_STATUSES = {"succeeded": "FINISHED", PRUNED: "KILLED"}  # of MLflow; others have failed
_LONGEST = 500  # characters of a tag or a parameter that every store takes


def export_to_mlflow(uri: str, run: str, outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Make a run of MLflow for each trial, in an experiment that is called for its scenario.

    Exporting twice makes no run twice: what is there of this run of the harness is left as it is.

    Args:
        uri: of the store, as MLflow has it: ``file:///...``, ``sqlite:///...``, ``http://...``.
        run: identity of the run of the harness.
        outcomes: of the trials.

    Returns:
        How many runs were made, and how many were there.

    Raises:
        UserError: MLflow refuses; the message is its own.
    """
    made = there = 0
    try:
        client = MlflowClient(uri)
        for scenario in dict.fromkeys(outcome.scenario for outcome in outcomes):
            experiment = _experiment(client, scenario)
            known = set(_exported(client, experiment, run))
            for outcome in outcomes:
                if outcome.scenario != scenario:
                    continue
                if outcome.trial in known:
                    there += 1
                else:
                    _export(client, experiment, run, outcome)
                    made += 1
    except MlflowException as error:
        raise UserError(without_passwords(f"MLflow at {uri} refuses: {error.message}")) from None
    return made, there


def without_passwords(text: str) -> str:
    """A text as it may be shown: what stands before the host of an address is left out."""
    return re.sub(r"//[^/\s]*@", "//...@", text)


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found is not None else client.create_experiment(name))


def _exported(client: MlflowClient, experiment: str, run: str) -> Iterator[str]:
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{_RUN}` = '{run}'", max_results=_BATCH, page_token=token)
        yield from (str(one.data.tags[_TRIAL]) for one in page if _TRIAL in one.data.tags)
        token = page.token
        if not token:
            return


def _export(client: MlflowClient, experiment: str, run: str, outcome: Outcome) -> None:
    started, ended = (_milliseconds(outcome.times.get(name)) for name in ("started", "ended"))
    # The tag that says it is whole comes last: a run that was broken off is exported again.
    tags = {
        _RUN: run, "harness.state": outcome.state, "harness.expected": str(outcome.is_met).lower(),
        "harness.exit_code": str(outcome.exit_code), "harness.cloud": outcome.cloud, "harness.service": outcome.service,
        "harness.data": str(outcome.data), "harness.toolkit": outcome.toolkit, "harness.directory": outcome.directory,
        **{f"harness.version.{name}": value for name, value in outcome.versions.items()},
    }  # fmt: skip
    new = client.create_run(experiment, start_time=started, run_name=outcome.trial[:_LONGEST])
    key = new.info.run_id
    metrics = list(_metrics(outcome, ended or started or int(new.info.start_time)))
    params = [Param(name, str(value)[:_LONGEST]) for name, value in outcome.parameters.items()]
    for at in range(0, len(metrics), _BATCH):
        client.log_batch(key, metrics=metrics[at : at + _BATCH])
    for at in range(0, len(params), _FEW):
        client.log_batch(key, params=params[at : at + _FEW])
    client.log_batch(key, tags=[RunTag(name, value[:_LONGEST]) for name, value in tags.items()][:_FEW])
    client.set_terminated(key, _STATUSES.get(outcome.state, "FAILED"), ended)
    client.set_tag(key, _TRIAL, outcome.trial)


def _metrics(outcome: Outcome, moment: int) -> Iterator[Metric]:
    """Each value of a series with its step, and the last value of metrics that keep none."""
    for name, values in outcome.series.items():
        steps = outcome.steps.get(name) or range(1, len(values) + 1)
        yield from (Metric(name, value, moment, step) for value, step in zip(values, steps, strict=False))
    for name, value in outcome.metrics.items():
        if not outcome.series.get(name):
            yield Metric(name, value, moment, 0)


def _milliseconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)
