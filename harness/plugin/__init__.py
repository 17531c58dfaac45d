"""The pytest plugin: where scenarios run, whether they are recorded, their items and their fixtures.

Registered by entry point. Nothing of Azure is imported before a scenario or a fixture asks for it, so a project
without scenarios pays nothing.
"""

from harness.plugin.collection import (
    pytest_collect_file,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_itemcollected,
)
from harness.plugin.factories import (
    harness_made,
    harness_provisioning,
    make_blob_container,
    make_file_share,
    make_gpu_cluster,
    make_job,
    make_resource_group,
)
from harness.plugin.fixtures import (
    cloud,
    emulator,
    file_share,
    gpu_cluster,
    harness_cluster,
    harness_run_context,
    harness_run_directory,
    harness_scenario,
    harness_sweep_check,
    harness_trial,
    harness_verdict,
    harness_volumes,
    job_outcome,
    mnist_job,
    offline,
    resource_group,
    search_outcomes,
    sweep_outcomes,
)
from harness.plugin.options import SCENARIO_OPTIONS, ScenarioOptions, pytest_addoption, pytest_configure
from harness.plugin.own_code import pytest_runtest_makereport, recorded_session, storage_emulator
from harness.plugin.session import (
    pytest_configure_node,
    pytest_runtest_protocol,
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_unconfigure,
)
from harness.plugin.sweep_outcomes import harness_kept_outcomes
from harness.plugin.unused import pytest_terminal_summary, pytest_testnodedown

__all__ = [
    "SCENARIO_OPTIONS",
    "ScenarioOptions",
    "cloud",
    "emulator",
    "file_share",
    "gpu_cluster",
    "harness_cluster",
    "harness_kept_outcomes",
    "harness_made",
    "harness_provisioning",
    "harness_run_context",
    "harness_run_directory",
    "harness_scenario",
    "harness_sweep_check",
    "harness_trial",
    "harness_verdict",
    "harness_volumes",
    "job_outcome",
    "make_blob_container",
    "make_file_share",
    "make_gpu_cluster",
    "make_job",
    "make_resource_group",
    "mnist_job",
    "offline",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_generate_tests",
    "pytest_itemcollected",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_unconfigure",
    "recorded_session",
    "resource_group",
    "search_outcomes",
    "storage_emulator",
    "sweep_outcomes",
]
