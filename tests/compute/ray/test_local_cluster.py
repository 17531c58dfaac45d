"""The local Ray cluster that an emulator without an address starts."""

import ipaddress
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from harness.compute.backend import JobSpec, Progress
from harness.compute.ray.local_cluster import (
    LocalCluster,
    end_local_cluster,
    ensure_local_cluster,
    log_of,
    start_failure,
)
from tests.compute.job_runner import JobRunner, Recipe
from tests.ray_cluster import LONG, has_ray

WITH_RAY = pytest.mark.skipif(not has_ray(), reason="ray does not start here")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")  # so that it is skipped if Ray does not start on this machine
def test_it_listens_on_loopback_runs_jobs_and_ends_with_its_emulator(
    tmp_path: Path, job: Callable[..., JobSpec]
) -> None:
    runner = JobRunner(Recipe("ray", tmp_path / "data" / "jobs", emulator=str(uuid.uuid4())))
    directory, spec = tmp_path / "data" / "ray", job("echo $AZ_BATCH_HOST_LIST")
    try:
        assert _run(runner, spec, log_of(directory)).exit_code == 0
        assert (spec.stdouterr / "stdout.txt").read_text() == "127.0.0.1\n"

        cluster = msgspec.json.decode((directory / "cluster.json").read_bytes(), type=LocalCluster)
        keeper = psutil.Process(cluster.pid)
        processes = keeper.children(recursive=True)
        assert {_is_loopback(address) for process in processes for address in _listening_addresses(process)} == {True}
        assert (directory / "token").stat().st_mode & 0o777 == 0o600
        runner.backend.forget(spec.directory)
    finally:
        runner.backend.close()
        end_local_cluster(directory)

    assert not (directory / "cluster.json").exists()
    _, living = psutil.wait_procs([keeper, *processes], timeout=120)
    assert living == []
    assert not Path(cluster.temporary).exists()


@pytest.mark.slow
@WITH_RAY
@LONG
def test_it_ends_when_its_directory_is_deleted(tmp_path: Path) -> None:
    directory = tmp_path / "ray"
    ensure_local_cluster(directory, {"PATH": "/usr/bin:/bin"})
    cluster = msgspec.json.decode((directory / "cluster.json").read_bytes(), type=LocalCluster)
    keeper = psutil.Process(cluster.pid)

    shutil.rmtree(directory)

    _, living = psutil.wait_procs([keeper], timeout=120)
    assert living == []
    assert not Path(cluster.temporary).exists()


@pytest.mark.slow
@WITH_RAY
@LONG
def test_two_emulators_of_a_directory_share_it(tmp_path: Path) -> None:
    try:
        first = ensure_local_cluster(tmp_path, {"PATH": "/usr/bin:/bin"})

        assert ensure_local_cluster(tmp_path, {"PATH": "/usr/bin:/bin"}) == first
    finally:
        end_local_cluster(tmp_path)


def test_the_last_error_that_ray_printed_says_why_it_does_not_start(tmp_path: Path) -> None:
    log = tmp_path / "ray.log"
    log.write_text("Traceback\nValueError: the minimum allowed is 78643200 bytes.\nLocal node IP: 127.0.0.1\n\n")

    message = start_failure(log)

    assert message == f"Ray does not start on this machine: ValueError: the minimum allowed is 78643200 bytes. ({log})"


def test_a_ray_that_has_printed_nothing_is_reported_as_not_started(tmp_path: Path) -> None:
    assert "it has printed nothing" in start_failure(tmp_path / "ray.log")


def _run(runner: JobRunner, spec: JobSpec, log: Path) -> Progress:
    try:
        return runner.run(spec)
    except AssertionError as error:
        error.add_note(start_failure(log))
        raise


def _listening_addresses(process: psutil.Process) -> list[str]:
    try:
        return [connection.laddr.ip for connection in process.net_connections() if connection.status == "LISTEN"]
    except psutil.NoSuchProcess:  # Ray ends workers that are not needed
        return []


def _is_loopback(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
