"""What every back end has to do: each test runs on each of them.

A back end of one's own is added to ``RECIPES``. The commands need a POSIX shell and ``cat``, ``mkdir``, ``setsid`` and
``sleep``, nothing else.
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
from tests.compute.laboratory import DEADLOCK, Laboratory, Recipe
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
    """The example of the documentation, on stand-ins for Slurm's commands."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for command in ("sbatch", "squeue", "scancel"):
        words = shlex.join([sys.executable, slurm_commands.__file__, command])
        (bin_ / command).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (bin_ / command).chmod(0o700)
    environment = request.getfixturevalue("monkeypatch")
    environment.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    environment.setenv("SLURM_JOBS", str(tmp_path / "slurm"))
    (tmp_path / "slurm").mkdir()
    return Recipe("slurm", tmp_path, documented="SlurmBackend")


DEAR = {"container", "ray", "staged"}
RECIPES = {"process": process, "container": container, "ray": ray, "staged": staged, "slurm": slurm}


# A job in containers takes a second of processor time, one on Ray some more: of those that hold for all supervised jobs
# alike, a small dose leaves out these.
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


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in DEAR)) for name in RECIPES])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Recipe:
    is_small = os.environ.get("HARNESS_TEST_DOSE") != "full"
    left_out = {"container": LEFT_OUT, "ray": LEFT_OUT_ON_RAY, "staged": LEFT_OUT_STAGED}.get(request.param, set())
    if is_small and request.node.originalname in left_out:
        pytest.skip("left out of the small dose; HARNESS_TEST_DOSE=full runs it")
    return RECIPES[request.param](tmp_path, request)


@pytest.fixture
def later(recipe: Recipe) -> Iterator[Laboratory]:
    """A second back end over the same directories, as after a restart."""
    made = Laboratory(recipe)
    with closing(made.backend):
        yield made


@pytest.fixture
def build(recipe: Recipe, job: Build, laboratory: Laboratory) -> Iterator[Build]:
    """Describes jobs for the back end; what still runs of them is ended after the test."""
    built: list[JobSpec] = []

    def make(command: str = "true", **changes: object) -> JobSpec:
        built.append(job(command, container=recipe.container, **changes))
        return built[-1]

    yield make
    for spec in {spec.directory: spec for spec in built}.values():
        if JobPaths(spec.directory).claim.exists():
            laboratory.backend.terminate(spec.directory)
            laboratory.finish(spec)
        laboratory.backend.forget(spec.directory)


@pytest.fixture
def gate(tmp_path: Path, recipe: Recipe, request: pytest.FixtureRequest) -> Path:
    """A pipe: who opens it to read waits for who opens it to write, and the other way round."""
    if request.node.callspec.params["recipe"] == "staged":
        pytest.skip("a pipe is on one machine alone; tests/compute/ray/test_staged_files.py has such tests")
    path = tmp_path / "share" / "gate"
    path.parent.mkdir()
    os.mkfifo(path)
    return path


@pytest.fixture
def nap() -> str:
    """A command that sleeps for very long, and which no other process of this machine has."""
    return f"sleep {10**6 + secrets.randbelow(10**9)}.5"


def share(gate: Path) -> MountSpec:
    """The mount through which a job sees the gate."""
    return MountSpec("share", gate.parent)


def living(text: str) -> list[str]:
    """Command lines of the processes of this machine that hold a text."""
    running = [each for each in psutil.process_iter(["cmdline", "status"]) if each.info["status"] != "zombie"]
    lines = [" ".join(each.info["cmdline"] or ()) for each in running]
    return [line for line in lines if text in line]


def stdout(job: JobSpec) -> str:
    return (job.stdouterr / "stdout.txt").read_text()


def test_the_output_and_the_exit_code_of_a_command(laboratory: Laboratory, build: Build) -> None:
    spec = build("echo out; echo err >&2")

    progress = laboratory.run(spec)

    assert (progress.error, progress.exit_code) == (None, 0)
    assert progress.started is not None
    assert progress.ended is not None
    assert progress.started <= progress.ended
    assert stdout(spec) == "out\n"
    assert (spec.stdouterr / "stderr.txt").read_text() == "err\n"
    assert "job myjob" in (spec.stdouterr / "execution.log").read_text()


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("sh -c 'kill -9 $$'", 137), ("/no/such/program", 127)])
def test_a_command_that_fails(laboratory: Laboratory, build: Build, command: str, code: int) -> None:
    progress = laboratory.run(build(command))

    assert (progress.error, progress.exit_code) == ("JobFailed", code)
    assert progress.message == "Job failed with non-zero exit code"


def test_all_of_a_long_output_arrives(laboratory: Laboratory, build: Build) -> None:
    lines = 20_000
    spec = build(f'i=0; while [ $i -lt {lines} ]; do echo "line $i of the output"; i=$((i + 1)); done')

    assert laboratory.run(spec).exit_code == 0
    assert stdout(spec).splitlines() == [f"line {number} of the output" for number in range(lines)]


def test_streams_can_be_one_file(laboratory: Laboratory, build: Build) -> None:
    spec = build("echo out; echo err >&2", stdout="log.txt", stderr="log.txt")

    assert laboratory.run(spec).exit_code == 0
    assert sorted((spec.stdouterr / "log.txt").read_text().split()) == ["err", "out"]


def test_the_environment_of_a_job(laboratory: Laboratory, build: Build) -> None:
    strange = "two words, 'quotes', \"more\", $HOME, a = and\na second line"
    spec = build(
        'echo "$PLAIN|$FROM|$KEY|$AZUREML_RUN_ID"; echo "$STRANGE"',
        environment={"PLAIN": "plain", "FROM": "$AZ_BATCHAI_NUM_GPUS", "STRANGE": strange.replace("$HOME", "HOME")},
        secrets={"KEY": "swordfish"},
        variables={"AZUREML_RUN_ID": "run"},
    )

    assert laboratory.run(spec).exit_code == 0
    assert stdout(spec) == f"plain|1|swordfish|run\n{strange.replace('$HOME', 'HOME')}\n"


def test_a_secret_is_in_no_command_line_and_in_no_file(laboratory: Laboratory, build: Build, gate: Path) -> None:
    spec = build(f"cat '{gate}'", secrets={"KEY": "swordfish-4711"}, cluster_mounts=(share(gate),))
    laboratory.start(spec)

    lines = living("swordfish-4711")
    files = [path for path in spec.directory.rglob("*") if path.is_file() and b"swordfish-4711" in path.read_bytes()]

    gate.write_text("")
    assert laboratory.finish(spec).exit_code == 0
    assert (lines, files) == ([], [])


def test_the_working_directory_is_the_nodes_own(laboratory: Laboratory, build: Build, tmp_path: Path) -> None:
    spec = build("pwd; echo kept > file; cat $AZ_BATCHAI_JOB_TEMP/file")

    assert laboratory.run(spec).exit_code == 0
    place = JobPaths(spec.directory).temporary(spec.nodes[0].id).relative_to(tmp_path)
    assert stdout(spec).endswith(f"/{place}\nkept\n")


def test_a_job_reads_inputs_and_writes_outputs_on_mounts(laboratory: Laboratory, build: Build, tmp_path: Path) -> None:
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

    assert laboratory.run(spec).exit_code == 0
    assert (data / "a model" / "model").read_text() == "read\n"
    assert (scratch / "f").read_text() == "job\n"


def test_what_the_preparation_leaves_is_there_for_the_command(laboratory: Laboratory, build: Build) -> None:
    spec = build("cat prepared", preparation="echo preparing; echo done > prepared")

    assert laboratory.run(spec).exit_code == 0
    assert stdout(spec) == "done\n"
    assert (spec.stdouterr / "stdout-job_prep.txt").read_text() == "preparing\n"


def test_a_preparation_that_fails_keeps_the_command_from_starting(laboratory: Laboratory, build: Build) -> None:
    spec = build("echo ran", preparation="exit 4")

    progress = laboratory.run(spec)

    assert (progress.error, progress.exit_code) == ("JobPreparationFailed", 4)
    assert not (spec.stdouterr / "stdout.txt").exists()


def test_every_node_runs_its_process(laboratory: Laboratory, build: Build, job: Build, tmp_path: Path) -> None:
    node = job().nodes[0]
    nodes = (node, NodeSpec("tvm-1_2-20180607t000000z", "10.0.0.5", tmp_path / "a path" / "node2", gpus=1))
    spec = build(nodes=nodes, toolkit="command", settings={"commandLine": "echo $AZUREML_CR_NODE_RANK $(pwd)"})

    assert laboratory.run(spec).exit_code == 0
    for rank, each in enumerate(nodes):
        place = JobPaths(spec.directory).temporary(each.id).relative_to(tmp_path)
        words = (spec.stdouterr / f"stdout_process_0{rank}.txt").read_text()
        assert words.startswith(f"{rank} /")
        assert words.endswith(f"/{place}\n")


def test_two_jobs_at_once(laboratory: Laboratory, build: Build, gate: Path, tmp_path: Path) -> None:
    first = build(f"echo up > '{gate}'; cat '{gate}'", cluster_mounts=(share(gate),))
    second = replace(build("echo second"), directory=tmp_path / "a path" / "second")
    laboratory.start(first)
    gate.read_text()

    assert laboratory.run(second).exit_code == 0
    assert laboratory.backend.poll(first.directory).state == "running"
    gate.write_text("first\n")
    assert laboratory.finish(first).exit_code == 0
    laboratory.backend.forget(second.directory)


def test_start_is_repeatable_and_runs_once(laboratory: Laboratory, build: Build, tmp_path: Path) -> None:
    spec = build("echo ran >> $AZ_BATCHAI_OUTPUT_O/count", outputs={"O": tmp_path / "out"})
    plan = laboratory.backend.plan(spec)

    for _ in range(3):
        laboratory.backend.start(plan)
    laboratory.finish(spec)
    laboratory.backend.start(plan)

    assert (tmp_path / "out" / "count").read_text() == "ran\n"


def test_a_job_hears_of_its_termination(laboratory: Laboratory, build: Build, gate: Path, tmp_path: Path) -> None:
    spec = build(
        f"trap 'echo saved > $AZ_BATCHAI_OUTPUT_O/checkpoint; exit 0' TERM; echo up > '{gate}'; "
        "while :; do sleep 0.1; done",
        cluster_mounts=(share(gate),),
        outputs={"O": tmp_path / "out"},
    )
    laboratory.start(spec, grace=DEADLOCK)  # it is over as soon as the job has ended
    gate.read_text()

    laboratory.backend.terminate(spec.directory)
    progress = laboratory.finish(spec)

    assert (progress.error, progress.exit_code) == ("JobTerminated", None)
    assert (tmp_path / "out" / "checkpoint").read_text() == "saved\n"


def test_termination_ends_the_whole_tree(laboratory: Laboratory, build: Build, gate: Path, nap: str) -> None:
    spec = build(
        f"(setsid {nap} &) ; trap '' TERM; echo up > '{gate}'; while :; do {nap}; done",
        cluster_mounts=(share(gate),),
    )
    laboratory.start(spec, grace=1.0)
    gate.read_text()

    laboratory.backend.terminate(spec.directory)

    assert laboratory.finish(spec).error == "JobTerminated"
    assert living(nap) == []


def test_a_job_that_is_terminated_before_it_starts_never_runs(
    laboratory: Laboratory, build: Build, tmp_path: Path
) -> None:
    spec = build("echo ran > $AZ_BATCHAI_OUTPUT_O/ran", outputs={"O": tmp_path / "out"})
    laboratory.backend.terminate(spec.directory)

    assert laboratory.run(spec).error == "JobTerminated"
    assert not (tmp_path / "out" / "ran").exists()


def test_the_wall_clock_ends_the_tree(laboratory: Laboratory, build: Build, nap: str) -> None:
    progress = laboratory.run(build(f"{nap} & {nap}", wall_clock=0.5))

    assert (progress.error, progress.exit_code) == ("JobMaxWallClockTimeExceeded", None)
    assert living(nap) == []


def test_what_a_job_forked_ends_with_it(laboratory: Laboratory, build: Build, nap: str) -> None:
    assert laboratory.run(build(f"(setsid {nap} &) ; true")).exit_code == 0
    assert living(nap) == []


def test_a_later_backend_adopts_what_runs(
    laboratory: Laboratory, later: Laboratory, build: Build, gate: Path, tmp_path: Path
) -> None:
    spec = build(
        f"cat '{gate}'; echo ran >> $AZ_BATCHAI_OUTPUT_O/count; exit 7",
        cluster_mounts=(share(gate),),
        outputs={"O": tmp_path / "out"},
    )
    plan = laboratory.start(spec)
    laboratory.backend.close()

    later.backend.start(plan)
    gate.write_text("go\n")

    assert (later.finish(spec).exit_code, (tmp_path / "out" / "count").read_text()) == (7, "ran\n")


def test_a_job_outlives_the_emulator_that_was_killed(
    laboratory: Laboratory, build: Build, recipe: Recipe, gate: Path
) -> None:
    spec = build(f"echo before; cat '{gate}'; exit 5", cluster_mounts=(share(gate),))
    emulator = subprocess.run(
        [sys.executable, "-m", "tests.compute.start_and_die"],
        input=pickle.dumps((recipe, spec)),
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert emulator.returncode == -signal.SIGKILL

    assert laboratory.backend.adopt(spec.directory)
    gate.write_text("after\n")

    assert laboratory.finish(spec).exit_code == 5
    assert stdout(spec) == "before\nafter\n"


def test_nothing_is_adopted_where_nothing_was_started(laboratory: Laboratory, tmp_path: Path) -> None:
    assert not laboratory.backend.adopt(tmp_path / "nothing")


def test_forgetting_a_job_removes_its_files_and_leaves_what_its_mounts_show(
    laboratory: Laboratory, build: Build, tmp_path: Path
) -> None:
    kept = tmp_path / "share" / "kept"
    kept.parent.mkdir()
    kept.write_text("")
    spec = build("true", cluster_mounts=(MountSpec("afs", kept.parent),), job_mounts=(MountSpec("own", kept.parent),))
    laboratory.run(spec)

    laboratory.backend.forget(spec.directory)

    laboratory.until_gone(spec.directory)
    assert kept.exists()


def test_a_job_that_is_forgotten_as_soon_as_it_is_to_end_ends(
    laboratory: Laboratory, build: Build, gate: Path, nap: str
) -> None:
    command = f"exec 3> '{gate}'; echo up >&3; {nap}; true"
    spec = build(command, cluster_mounts=(share(gate),), wall_clock=3600.0)
    laboratory.start(spec)
    with gate.open() as heard:
        assert heard.readline() == "up\n"

        laboratory.backend.terminate(spec.directory)
        laboratory.backend.forget(spec.directory)

        assert select.select([heard], [], [], DEADLOCK)[0], "the job runs on"
        assert heard.read() == ""  # no process of it is left
    laboratory.until_gone(spec.directory)
