"""Real processes under real supervisors."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.compute.backend import JobSpec, MountSpec
from harness.compute.job_files import read_progress
from harness.compute.paths import JobPaths
from harness.compute.process_handle import ends

if TYPE_CHECKING:
    from tests.compute.conftest import Jobs

Build = Callable[..., JobSpec]


def living(text: str) -> list[int]:
    """Return the ids of running processes whose command line contains ``text``."""
    running = [process for process in psutil.process_iter(["cmdline", "status"]) if process.info["status"] != "zombie"]
    return [process.pid for process in running if text in " ".join(process.info["cmdline"] or ())]


def supervisor(job: JobSpec) -> int:
    return int(JobPaths(job.directory).claim.read_text())


def wait_for_line(path: Path) -> str:
    """Return the first line that a running job writes into a pipe (opening blocks until it does)."""
    with path.open() as stream:
        return stream.readline().strip()


def test_succeeds_with_streams_and_log(jobs: Jobs, job: Build) -> None:
    spec = job("echo out; echo err >&2")

    progress = jobs.run(spec)

    assert (progress.error, progress.exit_code) == (None, 0)
    assert progress.started <= progress.ended
    assert (spec.stdouterr / "stdout.txt").read_text() == "out\n"
    assert (spec.stdouterr / "stderr.txt").read_text() == "err\n"
    assert "toolkit: custom command line" in (spec.stdouterr / "execution.log").read_text()


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("/no/such/program", 127)])
def test_fails_with_the_exit_code_of_its_command(jobs: Jobs, job: Build, command: str, code: int) -> None:
    progress = jobs.run(job(command))

    assert (progress.error, progress.exit_code) == ("JobFailed", code)
    assert progress.message == "Job failed with non-zero exit code"


def test_failed_preparation_keeps_the_job_from_starting(jobs: Jobs, job: Build) -> None:
    spec = job("echo ran", preparation="echo prepared; exit 4")

    progress = jobs.run(spec)

    assert (progress.error, progress.exit_code) == ("JobPreparationFailed", 4)
    assert (spec.stdouterr / "stdout-job_prep.txt").read_text() == "prepared\n"
    assert not (spec.stdouterr / "stdout.txt").exists()


def test_start_is_repeatable_and_runs_once(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    spec = job(f"echo ran >> '{tmp_path}/count'")
    plan = jobs.backend.plan(spec)

    for _ in range(3):
        jobs.backend.start(plan)
    jobs.finish(spec)
    jobs.backend.start(plan)

    assert (tmp_path / "count").read_text() == "ran\n"


def test_a_later_backend_adopts_what_runs(jobs: Jobs, later_jobs: Jobs, job: Build, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    spec = job(f"cat '{gate}'; echo ran >> '{tmp_path}/count'")
    plan = jobs.start(spec)
    jobs.backend.close()

    later_jobs.backend.start(plan)
    gate.write_text("go\n")
    progress = later_jobs.finish(spec)

    assert (progress.exit_code, (tmp_path / "count").read_text()) == (0, "ran\n")


def test_a_job_whose_supervisor_is_not_the_watched_one_is_followed(
    jobs: Jobs, later_jobs: Jobs, job: Build, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    spec = job(f"cat '{gate}'")
    jobs.start(spec)
    second = subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE
    )  # like a supervisor that started too late to claim the job
    later_jobs.backend._watcher.watch(spec.directory, second.pid)
    second.communicate()

    later_jobs.until(spec.directory, lambda _: spec.directory in later_jobs.backend._watcher._watched)
    jobs.backend.close()
    gate.write_text("go\n")

    assert later_jobs.finish(spec).exit_code == 0


def test_terminate_ends_the_tree_that_changed_its_session(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    spec = job(f"(setsid env -i sleep 9876.5 &) ; trap '' TERM; echo up > '{gate}'; while :; do sleep 9876.5; done")
    jobs.start(spec)
    assert wait_for_line(gate) == "up"

    jobs.backend.terminate(spec.directory)
    progress = jobs.finish(spec)

    assert (progress.error, progress.exit_code) == ("JobTerminated", None)
    assert living("sleep 9876.5") == []


def test_terminated_before_it_started_never_runs(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    spec = job(f"touch '{tmp_path}/ran'")
    jobs.backend.terminate(spec.directory)

    assert jobs.run(spec).error == "JobTerminated"
    assert not (tmp_path / "ran").exists()


def test_the_wall_clock_ends_the_tree(jobs: Jobs, job: Build) -> None:
    progress = jobs.run(job("sleep 8765.25 & sleep 8765.25", wall_clock=0.3))

    assert (progress.error, progress.exit_code) == ("JobMaxWallClockTimeExceeded", None)
    assert progress.message == "Job exceeded its maximum wall clock time of 0.3 s"
    assert living("sleep 8765.25") == []


def test_a_killed_supervisor_takes_its_job_along(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    spec = job(f"(setsid sleep 7654.5 &); echo up > '{gate}'; sleep 7654.5; true")
    jobs.start(spec)
    assert wait_for_line(gate) == "up"
    descendants = psutil.Process(supervisor(spec)).children(recursive=True)

    os.kill(supervisor(spec), signal.SIGKILL)
    progress = jobs.finish(spec)

    assert (progress.error, progress.exit_code) == ("JobSupervisorLost", None)
    assert all(ends(process.pid, seconds=60) for process in descendants)
    assert living("sleep 7654.5") == []


def test_what_the_job_left_behind_ends_with_it(jobs: Jobs, job: Build) -> None:
    assert jobs.run(job("(setsid sleep 6543.5 &) ; true")).exit_code == 0

    assert living("sleep 6543.5") == []


def test_secrets_reach_the_job_and_no_command_line(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    expected = tmp_path / "expected"  # in a file, because the command must not contain it
    expected.write_text("swordfish-71")
    spec = job(f'test "$KEY" = "$(cat "{expected}")" && cat "{gate}"', secrets={"KEY": "swordfish-71"})
    jobs.start(spec)

    assert living("swordfish-71") == []
    assert not JobPaths(spec.directory).plan.exists()
    gate.write_text("")
    assert jobs.finish(spec).exit_code == 0
    assert "swordfish-71" not in "".join(
        path.read_text() for path in spec.directory.rglob("*") if path.is_file() and not path.is_fifo()
    )


def test_variables_with_a_blank_in_them_stay_one_word(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    share = tmp_path / "a share"
    (share / "in").mkdir(parents=True)
    (share / "in" / "script.sh").write_text('printf "%s\\n" "$@"')
    spec = job(
        'sh "$AZ_BATCHAI_INPUT_S/script.sh" $AZ_BATCHAI_OUTPUT_M "${AZ_BATCHAI_OUTPUT_M}" > $AZ_BATCHAI_OUTPUT_M/args',
        cluster_mounts=(MountSpec("afs", share),),
        inputs={"S": "$AZ_BATCHAI_MOUNT_ROOT/afs/in"},
        outputs={"M": tmp_path / "a model"},
    )

    assert jobs.run(spec).exit_code == 0
    assert (tmp_path / "a model" / "args").read_text() == f"{tmp_path}/a model\n" * 2


def test_job_mounts_last_as_long_as_the_job(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("read\n")
    spec = job("cat $AZ_BATCHAI_JOB_MOUNT_ROOT/deep/afs/data", job_mounts=(MountSpec("deep/afs", tmp_path),))

    assert jobs.run(spec).exit_code == 0
    assert (spec.stdouterr / "stdout.txt").read_text() == "read\n"
    assert not (JobPaths(spec.directory).mounts(spec.nodes[0].id) / "deep" / "afs").is_symlink()


def test_an_unwritable_directory_is_a_clear_failure(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    progress = jobs.run(job("true", stdouterr=tmp_path / "file" / "stdouterr"))

    assert progress.error == "JobStartFailed"
    assert str(tmp_path / "file") in progress.message


def test_forget_leaves_what_mounts_show(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "kept").write_text("")
    spec = job("true", job_mounts=(MountSpec("afs", share),))
    jobs.run(spec)

    jobs.backend.forget(spec.directory)

    assert not spec.directory.exists()
    assert (share / "kept").exists()


def test_the_error_of_a_supervisor_that_fails_is_reported(jobs: Jobs, job: Build) -> None:
    spec = job()
    (spec.directory / "state.jsonl").mkdir(parents=True)  # it cannot be written, as on a full disk

    progress = jobs.run(spec)

    assert progress.error == "JobStartFailed"
    assert "state.jsonl" in progress.message


def test_a_job_leaves_few_files_beside_its_outputs(jobs: Jobs, job: Build) -> None:
    """Each file costs more disk operations than the rest of a very short job."""
    spec = job("true")
    jobs.run(spec)
    node = f"node-{spec.nodes[0].id}"
    assert sorted(str(path.relative_to(spec.directory)) for path in spec.directory.rglob("*")) == [
        "bell", "claim", node, f"{node}/mounts", f"{node}/temp", "shared", "state.jsonl",
    ]  # fmt: skip


def test_the_next_job_of_a_node_finds_ssh_and_the_host_file_made(jobs: Jobs, job: Build) -> None:
    spec = job('cat "$AZ_BATCHAI_MPI_HOST_FILE"; command -v ssh')
    jobs.run(spec)
    hosts, ssh = map(Path, (spec.nodes[0].directory / "hostfile", spec.nodes[0].directory / "bin" / "ssh"))
    assert (spec.stdouterr / "stdout.txt").read_text() == f"{hosts.read_text()}{ssh}\n"
    files = [(path.stat().st_ino, path.read_text()) for path in (hosts, ssh)]
    jobs.run(dataclasses.replace(spec, directory=spec.directory.with_name("next")))
    assert [(path.stat().st_ino, path.read_text()) for path in (hosts, ssh)] == files


@pytest.mark.parametrize(
    "change", ["echo false > $SSH", "rm $SSH", "chmod -x $SSH", "rm $SSH; mkfifo $SSH", "ln -sf /bin/false $SSH"]
)
def test_the_next_job_of_a_node_gets_the_ssh_that_a_job_has_changed_as_it_was(
    jobs: Jobs, job: Build, change: str
) -> None:
    spec = job(f'SSH="$(command -v ssh)"; {change.replace("$SSH", chr(34) + "$SSH" + chr(34))}')
    jobs.run(spec)
    following = dataclasses.replace(
        job("ssh 10.0.0.4 echo there"), directory=spec.directory.with_name("next"), nodes=spec.nodes
    )
    jobs.run(following)
    assert (following.stdouterr / "stdout.txt").read_text() == "there\n"


def test_the_end_of_a_job_needs_no_more_of_the_disk(jobs: Jobs, job: Build) -> None:
    spec = job("true")
    jobs.run(spec)
    states = JobPaths(spec.directory).state.stat()
    assert states.st_size == states.st_blocks * 512 == 8192


def test_half_a_state_is_none(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    paths.state.write_bytes(b'{"state": "run')
    assert read_progress(paths).state == "waiting"
    paths.state.write_bytes(b'{"state": "running"}\n{"state": "fini')
    assert read_progress(paths).state == "running"


def test_what_a_mount_command_shows_is_seen_by_its_job_alone(jobs: Jobs, job: Build, tmp_path: Path) -> None:
    mount = MountSpec("deep/memory", command="mount -t tmpfs none")
    spec = job("touch $AZ_BATCHAI_JOB_MOUNT_ROOT/deep/memory/mark", job_mounts=(mount,))

    progress = jobs.run(spec)

    if progress.message and "lets the job mount nothing" in progress.message:
        pytest.skip("this machine lets no process of its user mount anything")
    assert progress.exit_code == 0
    mount_point = JobPaths(spec.directory).mounts(spec.nodes[0].id) / "deep" / "memory"
    assert list(mount_point.iterdir()) == []


@pytest.mark.parametrize("is_adopted", [False, True])
def test_a_job_that_is_forgotten_before_its_supervisor_handles_the_termination_ends(
    jobs: Jobs, later_jobs: Jobs, job: Build, tmp_path: Path, is_adopted: bool
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    spec = job(f"echo up > '{gate}'; sleep 7654.25", wall_clock=600.0)
    jobs.start(spec)
    assert wait_for_line(gate) == "up"
    process, used = supervisor(spec), later_jobs if is_adopted else jobs

    os.kill(process, signal.SIGSTOP)
    used.backend.terminate(spec.directory)
    used.backend.forget(spec.directory)
    os.kill(process, signal.SIGCONT)

    assert ends(process, 60)
    assert living("sleep 7654.25") == []
    used.until_gone(spec.directory)


@pytest.mark.parametrize("name", ["execution.log", "stdout.txt"])
def test_a_link_that_a_job_puts_in_the_place_of_its_log_leads_nowhere(
    jobs: Jobs, job: Build, tmp_path: Path, name: str
) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text("not the job's\n")
    log = job().stdouterr / name

    jobs.run(job(preparation=f"ln -sf {stranger} '{log}'"))

    assert log.is_symlink()
    assert stranger.read_text() == "not the job's\n"


def test_a_link_that_a_job_puts_in_the_place_of_its_directory_leads_nowhere(
    jobs: Jobs, job: Build, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    logs = job().stdouterr

    jobs.run(job(preparation=f"mv '{logs}' '{logs}.aside' && ln -s {elsewhere} '{logs}'"))

    assert logs.is_symlink()
    assert list(elsewhere.iterdir()) == []


def test_a_link_that_an_earlier_attempt_left_in_the_place_of_a_directory_leads_nowhere(
    jobs: Jobs, job: Build, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    share = job().stdouterr.parent
    share.parent.mkdir()
    share.symlink_to(elsewhere)

    progress = jobs.run(job())

    assert (progress.error, str(share) in (progress.message or "")) == ("JobStartFailed", True)
    assert list(elsewhere.iterdir()) == []


def test_a_pipe_that_a_job_puts_in_the_place_of_its_log_holds_up_nothing(jobs: Jobs, job: Build) -> None:
    log = job().stdouterr / "execution.log"

    assert jobs.run(job(preparation=f"mkfifo '{log}.new' && mv -f '{log}.new' '{log}'")).exit_code == 0
