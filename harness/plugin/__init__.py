"""The pytest plugin: its options, the items of scenarios, and the fixtures.

An entry point registers the plugin. It imports Azure's packages only when a scenario or a fixture needs them, so a
project without scenarios loses no time.
"""

from harness.plugin.collection import (
    pytest_collect_file,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_itemcollected,
)
from harness.plugin.factories import (
    harness_provisioning,
    harness_resource_stack,
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
from harness.plugin.sweep_outcomes import harness_session_outcomes
from harness.plugin.unused import pytest_terminal_summary, pytest_testnodedown

__all__ = [
    "SCENARIO_OPTIONS",
    "ScenarioOptions",
    "cloud",
    "emulator",
    "file_share",
    "gpu_cluster",
    "harness_cluster",
    "harness_provisioning",
    "harness_resource_stack",
    "harness_run_context",
    "harness_run_directory",
    "harness_scenario",
    "harness_session_outcomes",
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
