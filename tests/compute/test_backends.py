"""The behaviour that every back end must have: each test runs on each back end.

A new back end is added to ``RECIPES``. The commands need only a POSIX shell and ``cat``, ``mkdir``, ``setsid`` and
``sleep``.
"""

import os
import pickle
import secrets
import select
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.compute.backend import ContainerSpec, JobSpec, MountSpec, NodeSpec
from harness.compute.paths import JobPaths
from tests.compute import slurm_commands
from tests.compute.job_runner import DEADLOCK, JobRunner, Recipe
from tests.podman import IMAGE, PodmanEngine
from tests.ray_cluster import RayCluster

Build = Callable[..., JobSpec]


def process(tmp_path: Path, request: pytest.FixtureRequest) -> Recipe:
    return Recipe("process", tmp_path)


def container(tmp_path: Path, request: pytest.FixtureRequest) -> Recipe:
    engine: PodmanEngine = request.getfixturevalue("container_engine")
    return Recipe("container", tmp_path, container=ContainerSpec(IMAGE), environ={"DOCKER_HOST": engine.address})


def ray(tmp_path: Path, request: pytest.FixtureRequest) -> Recipe:
    cluster: RayCluster = request.getfixturevalue("ray_cluster")
    return Recipe("ray", tmp_path, environ=cluster.environ, address=cluster.address, emulator=str(uuid.uuid4()))


def staged(tmp_path: Path, request: pytest.FixtureRequest) -> Recipe:
    """Ray on machines that do not see the emulator's files."""
    cluster: RayCluster = request.getfixturevalue("namespaced_cluster")
    return Recipe("ray", tmp_path, environ=cluster.environ, address=cluster.address, emulator=str(uuid.uuid4()))


def slurm(tmp_path: Path, request: pytest.FixtureRequest) -> Recipe:
    """The example of the documentation, with substitutes for Slurm's commands."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for command in ("sbatch", "squeue", "scancel"):
        program = shlex.join([sys.executable, slurm_commands.__file__, command])
        (bin_ / command).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (bin_ / command).chmod(0o700)
    environment = request.getfixturevalue("monkeypatch")
    environment.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    environment.setenv("SLURM_JOBS", str(tmp_path / "slurm"))
    (tmp_path / "slurm").mkdir()
    return Recipe("slurm", tmp_path, documented="SlurmBackend")


SLOW = {"container", "ray", "staged"}
RECIPES = {"process": process, "container": container, "ray": ray, "staged": staged, "slurm": slurm}


# A job in containers takes a second of processor time, a job on Ray some more. The small dose skips these tests there,
# since they hold for all supervised jobs alike.
LEFT_OUT = {
    "test_all_of_a_long_output_arrives",
    "test_streams_can_be_one_file",
    "test_the_working_directory_is_the_nodes_own",
    "test_a_preparation_that_fails_keeps_the_command_from_starting",
    "test_start_is_repeatable_and_runs_once",
    "test_a_job_that_is_terminated_before_it_starts_never_runs",
    "test_the_wall_clock_ends_the_tree",
    "test_a_later_backend_adopts_what_runs",
}
LEFT_OUT_ON_RAY = LEFT_OUT | {
    "test_a_command_that_fails",
    "test_a_job_reads_inputs_and_writes_outputs_on_mounts",
    "test_every_node_runs_its_process",
    "test_forgetting_a_job_removes_its_files_and_leaves_what_its_mounts_show",
    "test_the_environment_of_a_job",
    "test_what_a_job_forked_ends_with_it",
    "test_what_the_preparation_leaves_is_there_for_the_command",
}
LEFT_OUT_STAGED = LEFT_OUT_ON_RAY - {
    "test_a_job_reads_inputs_and_writes_outputs_on_mounts",
    "test_forgetting_a_job_removes_its_files_and_leaves_what_its_mounts_show",
} | {"test_the_output_and_the_exit_code_of_a_command", "test_two_jobs_at_once"}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in RECIPES])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Recipe:
    is_small = os.environ.get("HARNESS_TEST_DOSE") != "full"
    left_out = {"container": LEFT_OUT, "ray": LEFT_OUT_ON_RAY, "staged": LEFT_OUT_STAGED}.get(request.param, set())
    if is_small and request.node.originalname in left_out:
        pytest.skip("left out of the small dose; HARNESS_TEST_DOSE=full runs it")
    return RECIPES[request.param](tmp_path, request)


@pytest.fixture
def later(recipe: Recipe) -> Iterator[JobRunner]:
    """A second back end over the same directories, as after a restart."""
    runner = JobRunner(recipe)
    with closing(runner.backend):
        yield runner


@pytest.fixture
def build(recipe: Recipe, job: Build, runner: JobRunner) -> Iterator[Build]:
    """Describe jobs for the back end; running jobs are ended after the test."""
    built: list[JobSpec] = []

    def make(command: str = "true", **changes: object) -> JobSpec:
        built.append(job(command, container=recipe.container, **changes))
        return built[-1]

    yield make
    for spec in {spec.directory: spec for spec in built}.values():
        if JobPaths(spec.directory).claim.exists():
            runner.backend.terminate(spec.directory)
            runner.finish(spec)
        runner.backend.forget(spec.directory)


@pytest.fixture
def gate(tmp_path: Path, recipe: Recipe, request: pytest.FixtureRequest) -> Path:
    """A named pipe: opening it to read waits for a writer, and opening it to write waits for a reader."""
    if request.node.callspec.params["recipe"] == "staged":
        pytest.skip("a pipe works on one machine only; tests/compute/ray/test_staged_files.py has equivalent tests")
    path = tmp_path / "share" / "gate"
    path.parent.mkdir()
    os.mkfifo(path)
    return path


@pytest.fixture
def nap() -> str:
    """A unique command that sleeps for very long."""
    return f"sleep {10**6 + secrets.randbelow(10**9)}.5"


def share(gate: Path) -> MountSpec:
    """The mount that makes the gate visible to a job."""
    return MountSpec("share", gate.parent)


def living(text: str) -> list[str]:
    """Return the command lines of running processes that contain a text."""
    running = [item for item in psutil.process_iter(["cmdline", "status"]) if item.info["status"] != "zombie"]
    lines = [" ".join(item.info["cmdline"] or ()) for item in running]
    return [line for line in lines if text in line]


def stdout(job: JobSpec) -> str:
    return (job.stdouterr / "stdout.txt").read_text()


def test_the_output_and_the_exit_code_of_a_command(runner: JobRunner, build: Build) -> None:
    spec = build("echo out; echo err >&2")

    progress = runner.run(spec)

    assert (progress.error, progress.exit_code) == (None, 0)
    assert progress.started is not None
    assert progress.ended is not None
    assert progress.started <= progress.ended
    assert stdout(spec) == "out\n"
    assert (spec.stdouterr / "stderr.txt").read_text() == "err\n"
    assert "job myjob" in (spec.stdouterr / "execution.log").read_text()


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("sh -c 'kill -9 $$'", 137), ("/no/such/program", 127)])
def test_a_command_that_fails(runner: JobRunner, build: Build, command: str, code: int) -> None:
    progress = runner.run(build(command))

    assert (progress.error, progress.exit_code) == ("JobFailed", code)
    assert progress.message == "Job failed with non-zero exit code"


def test_all_of_a_long_output_arrives(runner: JobRunner, build: Build) -> None:
    lines = 20_000
    spec = build(f'i=0; while [ $i -lt {lines} ]; do echo "line $i of the output"; i=$((i + 1)); done')

    assert runner.run(spec).exit_code == 0
    assert stdout(spec).splitlines() == [f"line {number} of the output" for number in range(lines)]


def test_streams_can_be_one_file(runner: JobRunner, build: Build) -> None:
    spec = build("echo out; echo err >&2", stdout="log.txt", stderr="log.txt")

    assert runner.run(spec).exit_code == 0
    assert sorted((spec.stdouterr / "log.txt").read_text().split()) == ["err", "out"]


def test_the_environment_of_a_job(runner: JobRunner, build: Build) -> None:
    strange = "two words, 'quotes', \"more\", $HOME, a = and\na second line"
    spec = build(
        'echo "$PLAIN|$FROM|$KEY|$AZUREML_RUN_ID"; echo "$STRANGE"',
        environment={"PLAIN": "plain", "FROM": "$AZ_BATCHAI_NUM_GPUS", "STRANGE": strange.replace("$HOME", "HOME")},
        secrets={"KEY": "swordfish"},
        variables={"AZUREML_RUN_ID": "run"},
    )

    assert runner.run(spec).exit_code == 0
    assert stdout(spec) == f"plain|1|swordfish|run\n{strange.replace('$HOME', 'HOME')}\n"


def test_a_secret_is_in_no_command_line_and_in_no_file(runner: JobRunner, build: Build, gate: Path) -> None:
    spec = build(f"cat '{gate}'", secrets={"KEY": "swordfish-4711"}, cluster_mounts=(share(gate),))
    runner.start(spec)

    lines = living("swordfish-4711")
    files = [path for path in spec.directory.rglob("*") if path.is_file() and b"swordfish-4711" in path.read_bytes()]

    gate.write_text("")
    assert runner.finish(spec).exit_code == 0
    assert (lines, files) == ([], [])


def test_the_working_directory_is_the_nodes_own(runner: JobRunner, build: Build, tmp_path: Path) -> None:
    spec = build("pwd; echo kept > file; cat $AZ_BATCHAI_JOB_TEMP/file")

    assert runner.run(spec).exit_code == 0
    path = JobPaths(spec.directory).temporary(spec.nodes[0].id).relative_to(tmp_path)
    assert stdout(spec).endswith(f"/{path}\nkept\n")


def test_a_job_reads_inputs_and_writes_outputs_on_mounts(runner: JobRunner, build: Build, tmp_path: Path) -> None:
    data, scratch = tmp_path / "a share", tmp_path / "another"
    (data / "in").mkdir(parents=True)
    (data / "in" / "data").write_text("read\n")
    scratch.mkdir()
    spec = build(
        "cat $AZ_BATCHAI_INPUT_S/data > $AZ_BATCHAI_OUTPUT_M/model; echo job > $AZ_BATCHAI_JOB_MOUNT_ROOT/deep/own/f",
        cluster_mounts=(MountSpec("afs", data),),
        job_mounts=(MountSpec("deep/own", scratch),),
        inputs={"S": "$AZ_BATCHAI_MOUNT_ROOT/afs/in"},
        outputs={"M": data / "a model"},
    )

    assert runner.run(spec).exit_code == 0
    assert (data / "a model" / "model").read_text() == "read\n"
    assert (scratch / "f").read_text() == "job\n"


def test_what_the_preparation_leaves_is_there_for_the_command(runner: JobRunner, build: Build) -> None:
    spec = build("cat prepared", preparation="echo preparing; echo done > prepared")

    assert runner.run(spec).exit_code == 0
    assert stdout(spec) == "done\n"
    assert (spec.stdouterr / "stdout-job_prep.txt").read_text() == "preparing\n"


def test_a_preparation_that_fails_keeps_the_command_from_starting(runner: JobRunner, build: Build) -> None:
    spec = build("echo ran", preparation="exit 4")

    progress = runner.run(spec)

    assert (progress.error, progress.exit_code) == ("JobPreparationFailed", 4)
    assert not (spec.stdouterr / "stdout.txt").exists()


def test_every_node_runs_its_process(runner: JobRunner, build: Build, job: Build, tmp_path: Path) -> None:
    node = job().nodes[0]
    nodes = (node, NodeSpec("tvm-1_2-20180607t000000z", "10.0.0.5", tmp_path / "a path" / "node2", gpus=1))
    spec = build(nodes=nodes, toolkit="command", settings={"commandLine": "echo $AZUREML_CR_NODE_RANK $(pwd)"})

    assert runner.run(spec).exit_code == 0
    for rank, rank_node in enumerate(nodes):
        path = JobPaths(spec.directory).temporary(rank_node.id).relative_to(tmp_path)
        output = (spec.stdouterr / f"stdout_process_0{rank}.txt").read_text()
        assert output.startswith(f"{rank} /")
        assert output.endswith(f"/{path}\n")


def test_two_jobs_at_once(runner: JobRunner, build: Build, gate: Path, tmp_path: Path) -> None:
    first = build(f"echo up > '{gate}'; cat '{gate}'", cluster_mounts=(share(gate),))
    second = replace(build("echo second"), directory=tmp_path / "a path" / "second")
    runner.start(first)
    gate.read_text()

    assert runner.run(second).exit_code == 0
    assert runner.backend.poll(first.directory).state == "running"
    gate.write_text("first\n")
    assert runner.finish(first).exit_code == 0
    runner.backend.forget(second.directory)


def test_start_is_repeatable_and_runs_once(runner: JobRunner, build: Build, tmp_path: Path) -> None:
    spec = build("echo ran >> $AZ_BATCHAI_OUTPUT_O/count", outputs={"O": tmp_path / "out"})
    plan = runner.backend.plan(spec)

    for _ in range(3):
        runner.backend.start(plan)
    runner.finish(spec)
    runner.backend.start(plan)

    assert (tmp_path / "out" / "count").read_text() == "ran\n"


def test_a_job_gets_a_signal_before_its_termination(
    runner: JobRunner, build: Build, gate: Path, tmp_path: Path
) -> None:
    spec = build(
        f"trap 'echo saved > $AZ_BATCHAI_OUTPUT_O/checkpoint; exit 0' TERM; echo up > '{gate}'; "
        "while :; do sleep 0.1; done",
        cluster_mounts=(share(gate),),
        outputs={"O": tmp_path / "out"},
    )
    runner.start(spec, grace=DEADLOCK)  # the grace ends as soon as the job has ended
    gate.read_text()

    runner.backend.terminate(spec.directory)
    progress = runner.finish(spec)

    assert (progress.error, progress.exit_code) == ("JobTerminated", None)
    assert (tmp_path / "out" / "checkpoint").read_text() == "saved\n"


def test_termination_ends_the_whole_tree(runner: JobRunner, build: Build, gate: Path, nap: str) -> None:
    spec = build(
        f"(setsid {nap} &) ; trap '' TERM; echo up > '{gate}'; while :; do {nap}; done",
        cluster_mounts=(share(gate),),
    )
    runner.start(spec, grace=1.0)
    gate.read_text()

    runner.backend.terminate(spec.directory)

    assert runner.finish(spec).error == "JobTerminated"
    assert living(nap) == []


def test_a_job_that_is_terminated_before_it_starts_never_runs(runner: JobRunner, build: Build, tmp_path: Path) -> None:
    spec = build("echo ran > $AZ_BATCHAI_OUTPUT_O/ran", outputs={"O": tmp_path / "out"})
    runner.backend.terminate(spec.directory)

    assert runner.run(spec).error == "JobTerminated"
    assert not (tmp_path / "out" / "ran").exists()


def test_the_wall_clock_ends_the_tree(runner: JobRunner, build: Build, nap: str) -> None:
    progress = runner.run(build(f"{nap} & {nap}", wall_clock=0.5))

    assert (progress.error, progress.exit_code) == ("JobMaxWallClockTimeExceeded", None)
    assert living(nap) == []


def test_what_a_job_forked_ends_with_it(runner: JobRunner, build: Build, nap: str) -> None:
    assert runner.run(build(f"(setsid {nap} &) ; true")).exit_code == 0
    assert living(nap) == []


def test_a_later_backend_adopts_what_runs(
    runner: JobRunner, later: JobRunner, build: Build, gate: Path, tmp_path: Path
) -> None:
    spec = build(
        f"cat '{gate}'; echo ran >> $AZ_BATCHAI_OUTPUT_O/count; exit 7",
        cluster_mounts=(share(gate),),
        outputs={"O": tmp_path / "out"},
    )
    plan = runner.start(spec)
    runner.backend.close()

    later.backend.start(plan)
    gate.write_text("go\n")

    assert (later.finish(spec).exit_code, (tmp_path / "out" / "count").read_text()) == (7, "ran\n")


def test_a_job_outlives_the_emulator_that_was_killed(
    runner: JobRunner, build: Build, recipe: Recipe, gate: Path
) -> None:
    spec = build(f"echo before; cat '{gate}'; exit 5", cluster_mounts=(share(gate),))
    emulator = subprocess.run(
        [sys.executable, "-m", "tests.compute.start_and_die"],
        input=pickle.dumps((recipe, spec)),
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert emulator.returncode == -signal.SIGKILL

    assert runner.backend.adopt(spec.directory)
    gate.write_text("after\n")

    assert runner.finish(spec).exit_code == 5
    assert stdout(spec) == "before\nafter\n"


def test_nothing_is_adopted_where_nothing_was_started(runner: JobRunner, tmp_path: Path) -> None:
    assert not runner.backend.adopt(tmp_path / "nothing")


def test_forgetting_a_job_removes_its_files_and_leaves_what_its_mounts_show(
    runner: JobRunner, build: Build, tmp_path: Path
) -> None:
    file = tmp_path / "share" / "kept"
    file.parent.mkdir()
    file.write_text("")
    spec = build("true", cluster_mounts=(MountSpec("afs", file.parent),), job_mounts=(MountSpec("own", file.parent),))
    runner.run(spec)

    runner.backend.forget(spec.directory)

    runner.until_gone(spec.directory)
    assert file.exists()


def test_a_job_that_is_forgotten_right_after_its_termination_ends(
    runner: JobRunner, build: Build, gate: Path, nap: str
) -> None:
    command = f"exec 3> '{gate}'; echo up >&3; {nap}; true"
    spec = build(command, cluster_mounts=(share(gate),), wall_clock=3600.0)
    runner.start(spec)
    with gate.open() as pipe:
        assert pipe.readline() == "up\n"

        runner.backend.terminate(spec.directory)
        runner.backend.forget(spec.directory)

        assert select.select([pipe], [], [], DEADLOCK)[0], "the job still runs"
        assert pipe.read() == ""  # no process of it is left
    runner.until_gone(spec.directory)
