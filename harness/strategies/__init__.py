"""Hypothesis strategies for scenarios, clusters, jobs, file trees and requests, both valid and nearly valid.

They need the package hypothesis, which the harness itself does not need.
"""

try:
    import hypothesis as _hypothesis
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "harness.strategies needs hypothesis: pip install hypothesis", name="hypothesis"
    ) from None

from harness.strategies.azureml import azureml_computes, azureml_job_files, azureml_jobs
from harness.strategies.batchai import batchai_clusters, batchai_jobs
from harness.strategies.flaws import Flawed, flawed_scenarios
from harness.strategies.requests import WireRequest, wire_requests
from harness.strategies.scenarios import scenario_text, scenarios
from harness.strategies.trees import share_trees

_ = _hypothesis

__all__ = [
    "Flawed",
    "WireRequest",
    "azureml_computes",
    "azureml_job_files",
    "azureml_jobs",
    "batchai_clusters",
    "batchai_jobs",
    "flawed_scenarios",
    "scenario_text",
    "scenarios",
    "share_trees",
    "wire_requests",
]
