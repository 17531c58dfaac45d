"""The Ray of this machine's own, which an emulator starts where it is given no address."""

import ipaddress
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from harness.compute.backend import JobSpec, Progress
from harness.compute.ray.own_cluster import OwnCluster, end_own_cluster, ensure_own_cluster, explain_start, log_of
from tests.compute.laboratory import Laboratory, Recipe
from tests.ray_cluster import LONG, has_ray

WITH_RAY = pytest.mark.skipif(not has_ray(), reason="ray does not start here")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")  # so that it skips where a Ray does not start at all
def test_it_listens_on_loopback_runs_jobs_and_ends_with_its_emulator(
    tmp_path: Path, job: Callable[..., JobSpec]
) -> None:
    laboratory = Laboratory(Recipe("ray", tmp_path / "data" / "jobs", emulator=str(uuid.uuid4())))
    directory, spec = tmp_path / "data" / "ray", job("echo $AZ_BATCH_HOST_LIST")
    try:
        assert _run(laboratory, spec, log_of(directory)).exit_code == 0
        assert (spec.stdouterr / "stdout.txt").read_text() == "127.0.0.1\n"

        cluster = msgspec.json.decode((directory / "cluster.json").read_bytes(), type=OwnCluster)
        keeper = psutil.Process(cluster.pid)
        processes = keeper.children(recursive=True)
        assert {_is_loopback(address) for process in processes for address in _open_at(process)} == {True}
        assert (directory / "token").stat().st_mode & 0o777 == 0o600
        laboratory.backend.forget(spec.directory)
    finally:
        laboratory.backend.close()
        end_own_cluster(directory)

    assert not (directory / "cluster.json").exists()
    _, living = psutil.wait_procs([keeper, *processes], timeout=120)
    assert living == []
    assert not Path(cluster.temporary).exists()


@pytest.mark.slow
@WITH_RAY
@LONG
def test_it_ends_when_its_directory_is_deleted(tmp_path: Path) -> None:
    directory = tmp_path / "ray"
    ensure_own_cluster(directory, {"PATH": "/usr/bin:/bin"})
    cluster = msgspec.json.decode((directory / "cluster.json").read_bytes(), type=OwnCluster)
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
        first = ensure_own_cluster(tmp_path, {"PATH": "/usr/bin:/bin"})

        assert ensure_own_cluster(tmp_path, {"PATH": "/usr/bin:/bin"}) == first
    finally:
        end_own_cluster(tmp_path)


def test_the_last_error_that_ray_printed_says_why_it_does_not_start(tmp_path: Path) -> None:
    log = tmp_path / "ray.log"
    log.write_text("Traceback\nValueError: the minimum allowed is 78643200 bytes.\nLocal node IP: 127.0.0.1\n\n")

    words = explain_start(log)

    assert words == f"Ray does not start on this machine: ValueError: the minimum allowed is 78643200 bytes. ({log})"


def test_a_ray_that_has_printed_nothing_is_said_to_have_not_started(tmp_path: Path) -> None:
    assert "it has printed nothing" in explain_start(tmp_path / "ray.log")


def _run(laboratory: Laboratory, spec: JobSpec, log: Path) -> Progress:
    try:
        return laboratory.run(spec)
    except AssertionError as error:
        error.add_note(explain_start(log))
        raise


def _open_at(process: psutil.Process) -> list[str]:
    try:
        return [each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"]
    except psutil.NoSuchProcess:  # Ray ends workers that nobody needs
        return []


def _is_loopback(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
