"""``harness init``: the files that it creates are valid as they are."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main
from harness.cli.init import settings_template
from harness.config import OWN_SETTINGS, Settings, load_settings
from harness.scenario.load import load_scenario

FILES = (
    "harness.toml",
    "scenarios/files/train.py",
    "scenarios/first.yaml",
    "scenarios/scenario.schema.json",
    "tests/test_first.py",
)


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["init", str(tmp_path / "project")]) == 0
    return tmp_path / "project"


def test_it_names_what_it_made_and_what_to_type_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "project")]) == 0
    out = capsys.readouterr().out
    paths = sorted(str(path.relative_to(tmp_path / "project")) for path in (tmp_path / "project").rglob("*.*"))
    assert tuple(paths) == FILES
    for text in (*FILES, "harness doctor", "harness run scenarios/first.yaml", "pytest"):
        assert text in out


def test_the_scenario_passes_the_loader_and_uploads_what_is_there(project: Path) -> None:
    scenario = load_scenario(project / "scenarios" / "first.yaml")
    assert [trial.id for trial in scenario.trials] == ["rate=0.05", "rate=0.5"]
    for upload in scenario.share.upload:
        assert getattr(upload, "file", None) is None or (scenario.path.parent / upload.file).exists()


def test_the_scenario_agrees_with_the_schema_that_it_names(project: Path) -> None:
    import json

    from jsonschema import Draft202012Validator

    text = (project / "scenarios" / "first.yaml").read_text()
    head = text.splitlines()[0]
    assert head == "# yaml-language-server: $schema=scenario.schema.json"
    schema = json.loads((project / "scenarios" / "scenario.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(text))) == []


@pytest.mark.slow
def test_the_tests_that_it_makes_pass(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    process = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout
    assert "3 passed" in process.stdout


def test_the_settings_change_nothing_until_a_line_is_uncommented(project: Path) -> None:
    assert tomllib.loads((project / "harness.toml").read_text()) == {}
    assert load_settings(project).runs_dir == Path("runs")


def uncommented() -> dict[str, Any]:
    """Return the example of every setting that has one."""
    lines = [line[2:] for line in settings_template().splitlines() if line.startswith("# ") and " = " in line]
    return tomllib.loads("\n".join(lines))


@pytest.mark.parametrize("name", ["azureml_images", "container_images"])
def test_the_example_of_a_table_is_a_table(name: str) -> None:
    assert uncommented()[name] == getattr(Settings.model_validate({name: uncommented()[name]}), name) != {}


def test_every_setting_can_be_uncommented_but_secrets_and_programs() -> None:
    examples = uncommented()
    secret = {"client_secret", "storage_key", "admin_password"}
    assert set(examples) == set(Settings.model_fields) - secret - set(OWN_SETTINGS)
    assert Settings.model_validate({name: value for name, value in examples.items() if value})


def test_nothing_is_overwritten(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "scenarios" / "first.yaml").write_text("mine")
    (project / "tests" / "test_first.py").unlink()
    assert main(["init", str(project)]) == 2
    err = capsys.readouterr().err
    assert "scenarios/first.yaml" in err
    assert "nothing is overwritten" in err
    assert (project / "scenarios" / "first.yaml").read_text() == "mine"
    assert not (project / "tests" / "test_first.py").exists()


def test_a_directory_that_cannot_be_written_is_reported_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err
