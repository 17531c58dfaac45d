"""The behaviour of real containers beyond the tests of all back ends."""

import filecmp
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compute.backend import ContainerSpec, JobSpec, MountSpec, StartRefusedError
from harness.compute.catalogue import Images
from harness.compute.paths import JobPaths
from tests.compute.job_runner import JobRunner, Recipe
from tests.compute.test_backends import living, nap
from tests.podman import IMAGE, SHELL_LESS, PodmanEngine

__all__ = ["nap"]
pytestmark = pytest.mark.slow
Build = Callable[..., JobSpec]
CONTAINER = ContainerSpec(IMAGE)


def stdout(job: JobSpec) -> str:
    return (job.stdouterr / "stdout.txt").read_text()


def log(job: JobSpec) -> str:
    return (job.stdouterr / "execution.log").read_text()


def test_what_a_preparation_installs_is_there_for_the_command_and_nothing_is_left_at_the_engine(
    runner: JobRunner, job: Build, container_engine: PodmanEngine
) -> None:
    before = container_engine.images()
    spec = job("cat /etc/prepared; exit 3", preparation="echo installed > /etc/prepared", container=CONTAINER)

    assert runner.run(spec).exit_code == 3
    assert stdout(spec) == "installed\n"
    assert not any("myjob" in name for name in container_engine.names())
    assert container_engine.images() == before
    assert container_engine.volumes() == []


def test_a_container_has_the_requested_user_and_shared_memory(recipe: Recipe, job: Build) -> None:
    """The container cannot write the files that its supervisor reads."""
    runner = JobRunner(replace(recipe, images=Images(user="4711:4712")))
    spec = job(
        "id -u; id -g; "
        'while read -r line; do case "$line" in *" /dev/shm "*) echo "$line";; esac; done < /proc/mounts; '
        'echo "{}" > "$BATCHAI_HARNESS_JOB/state.jsonll" || exit 0; exit 1',
        container=ContainerSpec(IMAGE, shared_memory="32m"),
    )

    assert runner.run(spec).exit_code == 0
    runner.backend.close()
    user, group, memory = stdout(spec).splitlines()
    assert (user, group) == ("4711", "4712")
    assert "size=32768k" in memory


def test_a_pull_that_fails_is_reported_as_the_service_does(runner: JobRunner, job: Build) -> None:
    spec = job("echo ran", container=ContainerSpec("127.0.0.1:1/no/such:1", "", "me", "swordfish-5151"))

    progress = runner.run(spec)

    assert (progress.error, progress.exit_code) == ("FailedStartingContainer", -1)
    assert progress.message is not None
    assert progress.message.startswith("unable to start docker container: ")
    assert ("imageName", "127.0.0.1:1/no/such:1") in progress.details
    assert "image 127.0.0.1:1/no/such:1: pull" in log(spec)
    assert not (spec.stdouterr / "stdout.txt").exists()
    files = [path for path in [*spec.directory.rglob("*"), *spec.stdouterr.rglob("*")] if path.is_file()]
    assert not any(b"swordfish-5151" in path.read_bytes() for path in files if not path.is_fifo())


def test_an_image_without_a_shell_runs_plain_words(runner: JobRunner, job: Build, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("read\n")
    spec = job(
        "cat $AZ_BATCHAI_INPUT_D/data",
        container=ContainerSpec(SHELL_LESS),
        cluster_mounts=(MountSpec("afs", tmp_path),),
        inputs={"D": "$AZ_BATCHAI_MOUNT_ROOT/afs"},
    )

    assert runner.run(spec).exit_code == 0
    assert stdout(spec) == "read\n"
    assert "shell none" in log(spec)


def test_an_image_without_a_shell_says_so_where_one_is_needed(runner: JobRunner, job: Build) -> None:
    progress = runner.run(job("cat a | cat", container=ContainerSpec(SHELL_LESS)))

    assert progress.error == "FailedStartingContainer"
    assert progress.message is not None
    assert "has no shell (/bin/bash or /bin/sh), and this command line needs one: 'cat a | cat'" in progress.message


def test_a_program_that_an_image_does_not_have(runner: JobRunner, job: Build) -> None:
    progress = runner.run(job("no-such-program", container=ContainerSpec(SHELL_LESS)))

    assert (progress.error, progress.exit_code) == ("JobFailed", 127)


def test_a_large_file_through_a_mount(runner: JobRunner, job: Build, tmp_path: Path) -> None:
    size = 4 << 30 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 8 << 20
    share = tmp_path / "share"
    share.mkdir()
    with (share / "large").open("wb") as large:  # zeros except at three offsets
        for offset in (0, size // 2 - 7, size - 100):
            large.seek(offset)
            large.write(os.urandom(100))
    spec = job("cat $AZ_BATCHAI_MOUNT_ROOT/afs/large > $AZ_BATCHAI_OUTPUT_O/copy", container=CONTAINER,
               cluster_mounts=(MountSpec("afs", share),), outputs={"O": share / "out"})  # fmt: skip

    assert runner.run(spec).exit_code == 0
    assert (share / "out" / "copy").stat().st_size == size
    assert filecmp.cmp(share / "out" / "copy", share / "large", shallow=False)


def test_an_image_that_no_longer_exists_is_replaced_by_the_one_of_the_map(recipe: Recipe, job: Build) -> None:
    runner = JobRunner(replace(recipe, images=Images(mapped=(("microsoft/cntk:*", IMAGE),))))
    spec = job("echo ran", container=ContainerSpec("microsoft/cntk:2.1-gpu"))

    assert runner.run(spec).exit_code == 0
    runner.backend.close()
    assert f"container image {IMAGE}, in place of microsoft/cntk:2.1-gpu" in log(spec)


def test_a_killed_supervisor_takes_its_containers_along(
    runner: JobRunner, job: Build, container_engine: PodmanEngine, tmp_path: Path, nap: str
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    os.mkfifo(share / "gate")
    spec = job(f"echo up > '{share}/gate'; {nap}; true", container=CONTAINER, cluster_mounts=(MountSpec("s", share),))
    runner.start(spec)
    (share / "gate").read_text()

    os.kill(int(JobPaths(spec.directory).claim.read_text()), signal.SIGKILL)
    progress = runner.finish(spec)

    assert progress.error == "JobSupervisorLost"
    runner.backend.join()
    assert living(nap) == []
    assert not any("myjob" in name for name in container_engine.names())


def test_a_new_emulator_removes_what_is_left_of_its_own_jobs_and_of_no_others(
    recipe: Recipe, container_engine: PodmanEngine, tmp_path: Path
) -> None:
    def leave(name: str, emulator: str, directory: Path) -> str:
        labels = [
            f"--label=batchai-harness.{key}={value}" for key, value in [("emulator", emulator), ("job", directory)]
        ]
        container_engine.podman("create", f"--name={name}", *labels, IMAGE, "/bin/true")
        return name

    unique = tmp_path.name
    mine = leave(f"mine-{unique}", recipe.emulator, tmp_path / "job")
    others = {
        leave(f"another-emulators-{unique}", "another", tmp_path / "job"),
        leave(f"a-copys-{unique}", recipe.emulator, tmp_path / "copy" / "job"),
    }
    container_engine.podman("create", f"--name=a-strangers-{unique}", IMAGE, "/bin/true")

    runner = JobRunner(recipe)
    runner.backend.join()
    runner.backend.close()

    names = set(container_engine.names())
    assert mine not in names
    assert {*others, f"a-strangers-{unique}"} <= names
    container_engine.podman("rm", "--force", *others, f"a-strangers-{unique}")


def test_where_no_engine_runs_the_job_says_so(recipe: Recipe, job: Build, tmp_path: Path) -> None:
    runner = JobRunner(replace(recipe, environ={"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}))

    with pytest.raises(StartRefusedError, match=r"no container engine answers at .*--images host") as refused:
        runner.backend.plan(job("true", container=CONTAINER))

    runner.backend.close()
    assert (refused.value.code, refused.value.details) == ("FailedStartingContainer", (("imageName", IMAGE),))


def test_where_no_engine_runs_the_job_runs_on_the_host_if_it_may(recipe: Recipe, job: Build, tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    runner = JobRunner(replace(recipe, environ=environ, images=Images(on_host=True)))
    spec = job("exit 4", container=CONTAINER)

    assert runner.run(spec).exit_code == 4
    runner.backend.close()
    assert "no container engine answers at" in log(spec)
    assert f"container image {IMAGE} is not used: the job runs on the host" in log(spec)


def test_a_job_without_an_image_runs_on_the_host(runner: JobRunner, job: Build) -> None:
    spec = job("echo $$")

    assert runner.run(spec).exit_code == 0
    assert "container" not in log(spec)
