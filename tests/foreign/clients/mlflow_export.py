"""Exports the trials of a run to MLflow and prints what MLflow stores. Arguments: REPOSITORY RUN_DIR URI."""
# ruff: noqa: T201

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from mlflow.tracking import MlflowClient

from harness.errors import UserError
from harness.results.mlflow_export import export_to_mlflow
from harness.results.run_record import read_run

record = read_run(Path(sys.argv[2]))
for _ in range(2):
    print(export_to_mlflow(sys.argv[3], record.run, record.outcomes))

client = MlflowClient(sys.argv[3])
experiment = client.get_experiment_by_name("s")
for run in sorted(client.search_runs([experiment.experiment_id]), key=lambda run: str(run.info.run_name)):
    print(run.info.run_name, run.info.status, sorted(run.data.metrics.items()), sorted(run.data.params.items()))
    print(run.data.tags["harness.trial"], run.data.tags["harness.toolkit"], run.info.end_time - run.info.start_time)
    print([(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "loss")])
try:
    export_to_mlflow("nonsense://user:sec@secret@host", record.run, record.outcomes)
except UserError as error:
    print(error)
