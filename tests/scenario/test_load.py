"""The meaning of scenario files, and the messages for files that cannot work."""

from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from tests.scenario.conftest import QUICKSTART, Change


def line_of(path: Path, text: str) -> int:
    """Return the first line of a file that contains a text."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def mistakes(path: Path, **overrides: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return str(caught.value)


def test_without_a_sweep_there_is_one_trial() -> None:
    (trial,) = load_scenario(QUICKSTART).trials
    assert trial.id == "default"
    assert trial.job.args.endswith("--epochs 5")


def test_an_unknown_key_is_reported_with_its_line_and_the_nearest(changed: Change) -> None:
    path = changed("  toolkit:", "  tolkit:")
    assert "changed.yaml:15: job.tolkit: there is no such field; did you mean 'toolkit'?" in mistakes(path)


@pytest.mark.parametrize(
    ("old", "new", "choices"),
    [
        ("    - dataset: mnist-ctf", "    - dataset: mnist-ctf\n      checksum: 1", "one of: dataset, file"),
        ("max: 0.05", "below: 0.05", "one of: min, max"),
        ("suffix: Models", "folder: Models", "one of: prefix, suffix"),
        ("nodes: 1}", "nodes: {least: 0, max: 4}}", "one of: min, max"),
    ],
)
def test_an_unknown_key_without_a_near_one_lists_the_known(changed: Change, old: str, new: str, choices: str) -> None:
    assert f"there is no such field; {choices}" in mistakes(changed(old, new))


def test_an_unknown_parameter_is_reported_with_its_line_and_both_remedies(changed: Change) -> None:
    messages = mistakes(changed("{epochs}", "{epoch}"))
    assert "changed.yaml:19: job.args: there is no parameter 'epoch'; did you mean 'epochs'?" in messages
    assert "write {{epoch}} for literal braces" in messages


def test_a_missing_section_is_reported_where_the_file_begins(changed: Change) -> None:
    path = changed("scenario:", "# a comment\nscenario:", "resource_group: myresourcegroup", "")
    assert "changed.yaml:2: resource_group: is required" in mistakes(path)


def test_a_metric_without_a_group_is_refused(changed: Change) -> None:
    messages = mistakes(changed(r"loss = (\S+)", "loss"))
    assert f":{line_of(QUICKSTART, 'loss: {')}: metrics.loss.pattern: the pattern 'loss' needs a group" in messages


def test_a_scenario_remembers_its_file_and_lines() -> None:
    scenario = load_scenario(QUICKSTART)
    line = scenario.line("expect", "metrics", "test_error", "max")
    assert scenario.path == QUICKSTART
    assert "test_error: {max: 0.05}" in QUICKSTART.read_text().splitlines()[line - 1]


def test_every_mistake_of_a_file_is_reported_at_once(changed: Change) -> None:
    path = changed("nodes: 1}", "nodes: x}", "PT2H", "2 hours", "sweep: {}", "sweep: {grid: {seed: [1]}}")
    messages = mistakes(path)
    for part in (":12: cluster.nodes: must be a whole number; found 'x'", ":33: limits.running: ", ":24: sweep.grid."):
        assert part in messages


def test_one_wrong_upload_is_one_mistake(changed: Change) -> None:
    messages = mistakes(changed("- dataset: mnist-ctf", "- dataset: mnist"))
    assert messages.endswith("share.upload.0.dataset: did you mean 'mnist-ctf'? It must be 'mnist-ctf'; found 'mnist'")


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("  nodes: 1\n", "  nodes: 2\n", "job.nodes", "the job needs 2 nodes, the cluster has 1"),
        ("{max: 0.05}", "{max: 0.05, min: 1}", "expect.metrics.test_error.min", "min 1 is greater than max 0.05"),
        ("test_error: {max", "test_eror: {max", "expect.metrics.test_eror", "did you mean 'test_error'?"),
        ("{MODEL: ['*.dnn']}", "{MODELS: ['*.dnn']}", "expect.files.MODELS", "did you mean 'MODEL'?"),
        ("name: mycluster", "name: my.cluster", "cluster.name", "must be letters, digits, '-' and '_'"),
        ("resource_group: myresourcegroup", "resource_group: group.", "resource_group", "nor ends with '.'"),
        ("directory: mnistcntksample", "directory: ../up", "share.directory", "leaves the share"),
        ("mount: azurefileshare", "mount: ''", "share.mount", "nodes need a name"),
        ("suffix: Models", "suffix: ../Models", "job.outputs.MODEL.suffix", "leaves the job's directory"),
        ("queued: PT30M", "queued: PT0S", "limits.queued", "must be greater than 0 seconds; found 'PT0S'"),
        ("running: PT2H", "running: P8D", "limits.running", "must be at most 7 days"),
        ("toolkit: cntk", "toolkit: tensorflow", "job.toolkit", "did you mean 'tensorFlow'?"),
        ("toolkit: cntk", "toolkit: customToolkit", "job.toolkit", "toolkit customToolkit needs 'command'"),
        ("ConvNet_MNIST.py\n  args", "ConvNet_MNIST.cntk\n  args", "job.script", "is BrainScript"),
        ("stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare", "stdouterr: $AZ_BATCHAI_MOUNT_ROOT/afs", "job.stdouterr",
         "is not on the share, which is mounted at $AZ_BATCHAI_MOUNT_ROOT/azurefileshare"),
        ("stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare", "stdouterr: /tmp", "job.stdouterr", "is not on the share"),
        ("prefix: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare", "prefix: $AZ_BATCHAI_JOB_TEMP", "job.outputs.MODEL.prefix",
         "is not on the share"),
        ("/azurefileshare/mnistcntksample", "/azurefileshares/mnistcntksample", "job.inputs.SAMPLE", "is not on the"),
        ("--epochs", "$AZ_BATCHAI_OUTPUT_MODELL", "job.args", "did you mean 'AZ_BATCHAI_OUTPUT_MODEL'?"),
        ("--epochs", "$AZ_BATCHAI_NUM_GPU", "job.args", "did you mean 'AZ_BATCHAI_NUM_GPUS'?"),
        ("args: $AZ_BATCHAI_INPUT_SAMPLE", "args: $AZ_BATCHAI_INPUT_X", "job.args", "no variable $AZ_BATCHAI_INPUT_X"),
        ("parameters: {epochs: 5}", "parameters: {epochs: [1, 2]}", "parameters.epochs", "as one text: '1,2'"),
        ("parameters: {epochs: 5}", "parameters: {epochs: }", "parameters.epochs", "must be a number, a text or a"),
        ("scale: 0.01", "scale: .inf", "metrics.test_error.scale", "must be a finite number; found .inf"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_its_line(changed: Change, old: str, new: str, field: str, reason: str) -> None:
    path = changed(old, new)
    messages = mistakes(path)
    assert f"changed.yaml:{line_of(path, new.splitlines()[0])}: {field}: " in messages
    assert reason in messages


def test_no_message_has_the_words_of_a_library(changed: Change) -> None:
    path = changed(
        "scenario: mnist-quickstart", "scenario: [1]",
        "location: eastus", "location: {}",
        "name: batchaiquickstart", "name: x",
        "mount: azurefileshare", "mount: []",
        "upload:", "upload: 5\n  uploads:",
        "nodes: 1}", "nodes: 1.5}",
        "inputs: {SAMPLE: ", "inputs: {1-2: ",
        "parameters: {epochs: 5}", "parameters: {epochs: 5, 'a b': 1}",
        "step: true", "step: maybe",
        "scale: 0.01", "scale: big",
        "exit_code: 0", "exit_code: none",
        "['*.dnn']", "'*.dnn'",
        "PT30M", "later",
    )  # fmt: skip
    messages = mistakes(path)
    assert len(messages.splitlines()) >= 13
    for words in ("Input should", "Value error", "valid string", "valid integer", "parse", "pydantic", "one of: \n"):
        assert words not in messages


def test_the_directories_of_a_job_may_be_anywhere_on_the_share(changed: Change) -> None:
    path = changed(
        "stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare", "stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare/logs"
    )
    assert load_scenario(path).job.stdouterr.endswith("/logs")


def test_an_input_may_be_in_the_image(changed: Change) -> None:
    path = changed("{SAMPLE: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare/mnistcntksample}", "{SAMPLE: /opt/data}")
    assert load_scenario(path).job.inputs == {"SAMPLE": "/opt/data"}


def test_a_parameter_alone_may_fill_a_text(changed: Change) -> None:
    arguments = "args: $AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL --epochs {epochs}"
    assert load_scenario(changed(arguments, "args: '{epochs}'")).job.args == "5"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3.10", "3.10"),
        ("0123456", "0123456"),
        ("08989", "08989"),
        ("4", "4"),
        ("1.50", "1.50"),
        ("1e-3", "1e-3"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("True", "True"),
        ("12:30:45", "12:30:45"),
        ("2018-01-01", "2018-01-01"),
        ("null", "null"),
        ("", ""),
        ("'007'", "007"),
        ('"a\\nb"', "a\nb"),
        ("'{epochs}'", "5"),
        ("'{flag}'", "true"),
        ("'{{}}'", "{}"),
    ],
)
def test_an_environment_variable_reaches_the_job_as_it_is_written(changed: Change, written: str, value: str) -> None:
    path = changed(
        "  nodes: 1\n", f"  nodes: 1\n  environment:\n    X: {written}\n", "epochs: 5", "epochs: 5, flag: true"
    )
    assert load_scenario(path).job.environment == {"X": value}


def test_every_text_is_taken_as_it_is_written(changed: Change) -> None:
    path = changed(
        "image: microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0", "image: 1.10", "location: eastus", "location: 0x10"
    )
    scenario = load_scenario(path)
    assert (scenario.job.image, scenario.location) == ("1.10", "0x10")


def test_a_value_is_one_argument_of_a_command(changed: Change) -> None:
    job = "toolkit: customToolkit\n  command: train {word} --name='{word}' \"{word}\" {flag}\n"
    path = changed("toolkit: cntk\n", job, "epochs: 5", """epochs: 5, word: "it's two", flag: true""")
    assert load_scenario(path).job.command == """train 'it'"'"'s two' --name='it'\\''s two' "it's two" true"""


def test_a_shell_variable_in_braces_is_refused_with_a_hint(changed: Change) -> None:
    messages = mistakes(changed("--epochs {epochs}", "--home ${HOME} --epochs ${epochs}"))
    assert "changed.yaml:19: job.args: ${HOME} is ambiguous: write ${{HOME}} for the shell's variable" in messages
    arguments = load_scenario(changed("--epochs {epochs}", "--home ${{HOME}}")).job.args
    assert arguments.endswith("--home ${HOME}")


def test_a_job_sees_the_gpus_that_it_asks_for(changed: Change) -> None:
    job = load_scenario(changed("  nodes: 1\n", "  nodes: 1\n  gpus: 1\n")).job
    assert job.environment == {"CUDA_VISIBLE_DEVICES": "0"}
    with pytest.raises(ScenarioError, match=r"job\.gpus: the job uses 2 GPUs of each node, and a Standard_NC6 has 1"):
        load_scenario(changed("  nodes: 1\n", "  nodes: 1\n  gpus: 2\n"))
