"""The strategies draw valid scenarios, or scenarios that are wrong in the named field."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness import strategies
from harness.errors import ScenarioError
from harness.interchange import export_azureml, import_files
from harness.interchange.draft import yaml_text
from harness.scenario.job import JobSpec
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.scenario.schema import scenario_schema

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
FEW = settings(max_examples=200 if IS_FULL else 12, derandomize=not IS_FULL)
VALIDATOR = Draft202012Validator(scenario_schema())


def loaded(directory: Path, document: dict[str, Any]) -> Scenario:
    path = directory / "drawn.yaml"
    path.write_text(strategies.scenario_text(document), encoding="utf-8")
    return load_scenario(path)


@FEW
@given(strategies.scenarios())
def test_drawn_scenarios_load_and_agree_with_the_schema(tmp_path: Path, document: dict[str, Any]) -> None:
    scenario = loaded(tmp_path, document)
    assert scenario.scenario == document["scenario"]
    assert all(trial.job.nodes <= scenario.cluster.most_nodes for trial in scenario.trials)
    assert not list(VALIDATOR.iter_errors(document))


@FEW
@given(strategies.flawed_scenarios())
def test_the_flaw_of_a_scenario_is_named_with_its_line(tmp_path: Path, flawed: strategies.Flawed) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, flawed.document)
    assert any(f": {flawed.field}" in line and ".yaml:" in line for line in str(caught.value).splitlines())


def exportable(job: JobSpec) -> JobSpec:
    """Reduce a job to what Azure ML's files express: no logs, and no arguments of other processes."""
    fields = {"stdouterr": "", "worker_args": None, "parameter_server_args": None}
    if job.toolkit == "tensorFlow":
        fields |= {"workers": None, "parameter_servers": None}  # the export writes defaults
    return job.model_copy(update=fields)


@FEW
@given(strategies.scenarios())
def test_what_is_exported_to_azure_ml_is_imported_as_it_was(tmp_path: Path, document: dict[str, Any]) -> None:
    scenario = loaded(tmp_path, {**document, "job": {**document["job"], "image": "an/image:1"}})
    with TemporaryDirectory(dir=tmp_path) as name:
        directory = Path(name)
        exported = export_azureml(scenario)
        for file in (*exported.jobs, *exported.resources):
            (directory / file.name).write_text(file.text, encoding="utf-8")
        jobs = []
        for file in exported.jobs:
            back = directory / "back.yaml"
            imported = import_files([directory / file.name, directory / "compute.yml"], directory)
            back.write_text(imported.text, encoding="utf-8")
            jobs += [trial.job for trial in load_scenario(back).trials]
    assert [exportable(job) for job in jobs] == [exportable(trial.job) for trial in scenario.trials]


@FEW
@given(strategies.batchai_jobs(), st.none() | strategies.batchai_clusters())
def test_what_batch_ai_takes_becomes_a_scenario(
    tmp_path: Path, job: dict[str, Any], cluster: dict[str, Any] | None
) -> None:
    paths = []
    for name, document in (("job", job), ("cluster", cluster)):
        if document is not None:
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "imported.yaml").write_text(import_files(paths, tmp_path).text, encoding="utf-8")
    imported = load_scenario(tmp_path / "imported.yaml").job
    properties = job["properties"]
    assert imported.nodes == properties["nodeCount"]
    assert list(imported.outputs) == [output["id"] for output in properties.get("outputDirectories", [])]
    assert imported.environment == {
        variable["name"]: variable["value"] for variable in properties.get("environmentVariables", [])
    }


@FEW
@given(strategies.azureml_job_files())
def test_what_az_ml_takes_becomes_a_scenario(tmp_path: Path, document: dict[str, Any]) -> None:
    (tmp_path / "it.yml").write_text(yaml_text(document), encoding="utf-8")
    (tmp_path / "imported.yaml").write_text(import_files([tmp_path / "it.yml"], tmp_path).text, encoding="utf-8")
    scenario = load_scenario(tmp_path / "imported.yaml")
    part = document.get("trial", document)
    assert scenario.job.nodes == part["resources"]["instance_count"]
    assert scenario.job.image == part["environment"]["image"]
    if "search_space" in document:
        assert set(scenario.swept) == set(document["search_space"])


def test_without_hypothesis_the_remedy_is_named() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import harness.strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: harness.strategies needs hypothesis: pip install hypothesis"
    )
