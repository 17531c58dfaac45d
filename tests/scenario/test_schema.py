"""The JSON Schema of scenarios: equal to the models, with the same verdicts as the loader."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.errors import ScenarioError
from harness.scenario import schema
from harness.scenario.load import load_scenario
from harness.scenario.schema import SCHEMA_FILE, scenario_schema, schema_text

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
VALIDATOR = Draft202012Validator(scenario_schema())
QUICKSTART = yaml.safe_load((Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml").read_text())


def changed(field: str, value: object) -> Any:
    document = copy.deepcopy(QUICKSTART)
    *above, last = field.split(".")
    part = document
    for name in above:
        part = part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return document


def loads(document: Any, tmp_path: Path) -> bool:
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(document))
    try:
        load_scenario(path)
    except ScenarioError:
        return False
    return True


def test_the_shipped_file_is_what_the_models_give() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), (
        "the models have changed: python -m harness.scenario.schema > harness/scenario/scenario.schema.json"
    )


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_it_accepts_the_shipped_scenarios(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cluster.nodes", "{epochs}"),
        ("job.name", "job-{epochs}"),
        ("job.args", 5),
        ("job.args", "{epochs}"),
        ("job.environment", {"EPOCHS": 5, "VERSION": 3.1, "FLAG": True}),
        ("cluster.nodes", {"min": 0, "max": 4}),
        ("expect.metrics", {"test_error": {"max": "{epochs}"}}),
        ("expect.exit_code", "{epochs}"),
        ("limits.running", 90),
        ("limits.running", "PT90S"),
        ("sweep", {"grid": {"epochs": [1, 2]}}),
        ("sweep", {"zip": {"epochs": [1, True]}}),
        ("sweep", {"list": [{"epochs": 1}, {"epochs": "two"}]}),
        ("share.upload", [{"dataset": "mnist-ctf"}, {"file": "files"}]),
        ("share.directory", None),
    ],
)
def test_it_accepts_what_the_loader_accepts(field: str, value: object, tmp_path: Path) -> None:
    document = changed(field, value)
    assert loads(document, tmp_path)
    assert list(VALIDATOR.iter_errors(document)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("jobs", {}),
        ("job.arguments", "--epochs 5"),
        ("job.toolkit", "CNTK"),
        ("job.script", None),
        ("job.toolkit", "customToolkit"),
        ("job.nodes", 0),
        ("job.nodes", "two"),
        ("job.name", "no spaces"),
        ("job.inputs", ["SAMPLE"]),
        ("job.outputs", {"MODEL": "$AZ_BATCHAI_MOUNT_ROOT"}),
        ("job.environment", {"NO-HYPHEN": "1"}),
        ("cluster.nodes", {"minimum": 0}),
        ("share.name", "Upper"),
        ("share.upload", [{"dataset": "cifar"}]),
        ("share.upload", ["files/x.py"]),
        ("expect.state", "success"),
        ("expect.metrics", {"test_error": 0.05}),
        ("metrics", {"loss": {"regex": "x"}}),
        ("limits.running", "two hours"),
        ("sweep", {"grid": {"epochs": []}}),
        ("sweep", {"grid": {"epochs": 5}}),
        ("resource_group", None),
    ],
)
def test_it_refuses_typical_mistakes_as_the_loader_does(field: str, value: object, tmp_path: Path) -> None:
    document = changed(field, value)
    assert not loads(document, tmp_path)
    assert list(VALIDATOR.iter_errors(document)) != []


def test_every_description_is_of_a_field_that_exists() -> None:
    shapes = {"Scenario": scenario_schema()["else"], **scenario_schema()["$defs"]}
    fields = {f"{name}.{field}" for name, shape in shapes.items() for field in shape.get("properties", {})}
    assert set(schema._DESCRIPTIONS) - fields == set()
