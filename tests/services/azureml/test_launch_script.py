"""The script that makes a command job look like a job of Batch AI, run by a real shell."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.scenario.job import JobSpec
from harness.services.azureml.launch_command import MountedVolume, launch_command

SCRIPT = Path(__file__).parents[3] / "harness" / "services" / "azureml" / "launch.sh"
Launch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["plain", "a folder 'with' $signs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    for name in ("work", "share", "model", "streams"):
        (path / name).mkdir(parents=True)
    return path


@pytest.fixture
def launch(folder: Path) -> Launch:
    """Run the launch script with arguments in an empty working directory."""

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(SCRIPT), "streams", str(folder / "streams"), *arguments],
            cwd=folder / "work",
            env={"PATH": path, "HOME": str(folder), "TMPDIR": str(folder)} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_exit_code_is_that_of_the_command(launch: Launch) -> None:
    assert launch("run", "exit 7").returncode == 7
    assert launch("run", "true").returncode == 0


def test_streams_go_to_the_share_to_the_logs_and_on(launch: Launch, folder: Path) -> None:
    process = launch("run", "echo out; echo err >&2")
    assert process.stdout.endswith("out\n")
    assert process.stderr == "err\n"
    for directory in ("streams", "work/logs"):
        assert (folder / directory / "stdout.txt").read_text() == "out\n"
        assert (folder / directory / "stderr.txt").read_text() == "err\n"


def test_a_long_stream_is_whole_when_the_job_ends(launch: Launch, folder: Path) -> None:
    launch("run", "seq 200000; seq 3 >&2")
    assert (folder / "streams" / "stdout.txt").read_text().splitlines()[-1] == "200000"


def test_directories_have_the_variables_of_batch_ai(launch: Launch, folder: Path) -> None:
    (folder / "share" / "data.txt").write_text("a datum\n")
    process = launch(
        *("mount", "deep/mount", str(folder / "share")),
        *("input", "SAMPLE", str(folder / "share"), "output", "MODEL", str(folder / "model")),
        *("place", "JOB_NAME", "my job"),
        "run",
        'cat "$AZ_BATCHAI_INPUT_SAMPLE/data.txt" "$AZ_BATCHAI_MOUNT_ROOT/deep/mount/data.txt"; '
        'echo "$AZ_BATCHAI_JOB_NAME" > "$AZ_BATCHAI_OUTPUT_MODEL/name"; echo "$AZ_BATCHAI_STDOUTERR_DIR"',
    )
    assert process.stdout.endswith(f"a datum\na datum\n{folder / 'streams'}\n")
    assert (folder / "model" / "name").read_text() == "my job\n"


@pytest.mark.parametrize(
    ("variables", "name", "rank"),
    [
        ({}, "stdout.txt", "0"),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, "stdout-1.txt", "1"),
        ({"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.4", "MASTER_PORT": "6105"}, "stdout-3.txt", "3"),
        ({"AZUREML_NODE_COUNT": "2", "AZUREML_CR_NODE_RANK": "1"}, "stdout-1.txt", "1"),
        (
            {"TF_CONFIG": '{"cluster": {"ps": ["a:1"], "worker": ["b:2"]}, "task": {"type": "ps", "index": 0}}'},
            "stdout-ps-0.txt",
            "0",
        ),
    ],
)
def test_each_process_has_logs_of_its_own(
    launch: Launch, folder: Path, variables: dict[str, str], name: str, rank: str
) -> None:
    launch("run", "echo rank $AZ_BATCHAI_TASK_INDEX $AZ_BATCHAI_PS_HOSTS", **variables)
    assert (folder / "streams" / name).read_text().startswith(f"rank {rank}")


def test_a_preparation_that_fails_ends_the_job_with_its_exit_code(launch: Launch, folder: Path) -> None:
    process = launch("prepare", "echo preparing; exit 5", "run", "echo running")
    assert process.returncode == 5
    assert (folder / "streams" / "stdout-job_prep.txt").read_text() == "preparing\n"
    assert not (folder / "streams" / "stdout.txt").exists()


def test_python_is_found_and_what_trains_is_written_down(launch: Launch, folder: Path) -> None:
    process = launch("toolkit", "cntk", "run", "python -c 'print(40 + 2)'")
    assert process.stdout.endswith("42\n")
    assert "toolkit: CNTK" in (folder / "streams" / "execution.log").read_text()


def test_a_process_that_is_left_behind_does_not_hold_the_job(launch: Launch) -> None:
    # The launch script does not wait for its end, which would take longer than any test may.
    process = launch("run", "sleep 100000 > /dev/null 2>&1 & echo $!; exit 4")
    os.kill(int(process.stdout.split()[-1]), signal.SIGKILL)
    assert process.returncode == 4


def test_an_unknown_word_is_refused(launch: Launch) -> None:
    process = launch("dance", "x")
    assert (process.returncode, process.stderr) == (2, "batchai_launch.sh: unknown word dance\n")


def test_the_words_of_a_command_arrive_as_they_are(folder: Path) -> None:
    text = "printf '%s|' 'it''s' \"two  words\" '${{inputs.x}}' '\\n'"
    spec = JobSpec(name="j", toolkit="customToolkit", command=text, stdouterr="$AZ_BATCHAI_MOUNT_ROOT/m")
    command = launch_command(spec, (MountedVolume("d", "m"),), {})
    (folder / "work" / "batchai_launch.sh").write_bytes(SCRIPT.read_bytes())
    for name in ("inputs.harness_volume", "outputs.harness_stdouterr"):
        command = command.replace(f'"${{{{{name}}}}}"', f'"${name.rpartition(".")[2]}"')
    process = subprocess.run(
        ["bash", "-c", command],
        cwd=folder / "work",
        env={
            "PATH": os.environ["PATH"],
            "harness_volume": str(folder / "share"),
            "harness_stdouterr": str(folder / "streams"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.endswith("its|two  words|${{inputs.x}}|\\n|")
