"""``--service``: the service that runs scenarios."""

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_scenarios_run_on_batch_ai_by_default(run: Run) -> None:
    run().stdout.fnmatch_lines("*service: batchai")


def test_scenarios_run_on_azure_machine_learning_in_azure_by_default(run: Run) -> None:
    run("--cloud", "azure").stdout.fnmatch_lines("*service: azureml")
    run("--cloud", "azure", "--service", "batchai").stdout.fnmatch_lines("*service: batchai")
    run("--service", "azureml").stdout.fnmatch_lines("*service: azureml")


def test_an_unknown_service_is_refused_with_the_known_ones(run: Run) -> None:
    result = run("--service", "slurm")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*'slurm'*batchai*azureml*")


def test_settings_choose_where_no_option_does(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "harness.toml").write_text('cloud = "emulator"\nservice = "batchai"\n')
    run().stdout.fnmatch_lines("*seen: emulator *")
    run("--cloud", "replay").stdout.fnmatch_lines("*seen: replay *")
    (pytester.path / "harness.toml").write_text('service = "azureml"\n')

    run().stdout.fnmatch_lines("*service: azureml")
    run("--service", "batchai").stdout.fnmatch_lines("*service: batchai")


def test_the_environment_chooses_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CLOUD", "emulator")
    run().stdout.fnmatch_lines("*seen: emulator *")


@pytest.mark.parametrize(("name", "text"), [("harness.toml", 'cloud = "azure"'), (".env", "HARNESS_CLOUD=azure")])
def test_no_file_of_a_project_chooses_what_costs_money(
    run: Run, pytester: pytest.Pytester, name: str, text: str
) -> None:
    (pytester.path / name).write_text(f"{text}\n")
    result = run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*cannot choose a cloud that costs money; use --cloud azure, or set HARNESS_CLOUD*")
