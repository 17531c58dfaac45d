"""Installing CNTK 2.7 with a fake Python 3.6; `bench/cntk.py` uses a real one."""

import fcntl
import os
import subprocess
import sys

import pytest

from harness.errors import ToolkitError
from harness.toolkits.install import Installation, Progress, install_cntk, missing_libraries
from harness.toolkits.interpreters import find_cntk, installed_cntk

Machine = dict[str, str]


def install(machine: Machine, *, force: bool = False, heard: list[Progress] | None = None) -> Installation:
    return install_cntk(machine, force=force, listener=(heard if heard is not None else []).append)


def leftovers(machine: Machine) -> list[str]:
    return [path.name for path in installed_cntk(machine).parent.glob("cntk-*")]


def test_what_was_installed_is_what_jobs_find(machine: Machine) -> None:
    done = install(machine)

    assert (done.fresh, done.cntk.description) == (True, "CNTK 2.7")
    assert find_cntk(environ=machine) == done.cntk
    assert (done.directory / "lib" / "libmpi.so.12").resolve().name == "libmpi.so.40"


def test_versions_are_pinned_and_the_environments_of_others_left_out(machine: Machine) -> None:
    done = install(machine)

    command = (done.directory / "installed").read_text()
    assert command.endswith("cntk==2.7.post2 numpy==1.19.5 scipy==1.5.4 constraint=\n")


def test_every_step_is_reported_with_its_last_line(machine: Machine) -> None:
    heard: list[Progress] = []

    install(machine, heard=heard)

    assert list(dict.fromkeys(progress.number for progress in heard)) == [1, 2, 3, 4, 5]
    assert Progress(3, 5, "installing cntk==2.7.post2", "Collecting cntk") in heard


def test_a_second_install_finds_the_first(machine: Machine) -> None:
    first = install(machine)
    (first.directory / "mine").touch()

    second = install(machine)

    assert not second.fresh
    assert (second.directory / "mine").exists()


def test_force_builds_it_again_and_deletes_the_old_one(machine: Machine) -> None:
    first = install(machine)
    (first.directory / "mine").touch()

    second = install(machine, force=True)

    assert second.fresh
    assert not (second.directory / "mine").exists()
    assert len(leftovers(machine)) == 1


def test_a_broken_one_is_mended_without_force(machine: Machine) -> None:
    (install(machine).directory / "installed").unlink()

    assert install(machine).fresh


def test_a_directory_made_by_hand_gives_way(machine: Machine) -> None:
    (installed_cntk(machine) / "bin").mkdir(parents=True)

    assert install(machine).fresh
    assert installed_cntk(machine).is_symlink()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"FAKE_PIP": "fail"}, r"exit code 1; nothing was installed\.(?s:.*)No matching distribution found for cntk"),
        ({"FAKE_TRIAL": "fail"}, r"exit code 132(?s:.*)Illegal instruction"),
    ],
)
def test_a_step_that_fails_leaves_nothing(machine: Machine, fault: Machine, message: str) -> None:
    with pytest.raises(ToolkitError, match=message):
        install(machine | fault)

    assert not installed_cntk(machine).exists()
    assert leftovers(machine) == []


def test_force_keeps_the_old_one_where_the_new_one_fails(machine: Machine) -> None:
    install(machine)

    with pytest.raises(ToolkitError):
        install(machine | {"FAKE_PIP": "fail"}, force=True)

    assert not install(machine).fresh


def test_a_killed_install_leaves_nothing_that_a_job_would_find(machine: Machine) -> None:
    code = (
        "import os; from harness.toolkits.install import install_cntk\n"
        "install_cntk(os.environ, listener=lambda step: print(step.detail, flush=True))"
    )
    environment = {**machine, "FAKE_PIP": "hang", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("Collecting" in line for line in process.stdout)
        process.kill()

    assert not installed_cntk(machine).exists()
    assert len(leftovers(machine)) == 1
    assert install(machine).fresh
    assert len(leftovers(machine)) == 1


def test_two_installs_at_once_are_one_too_many(machine: Machine) -> None:
    lock = installed_cntk(machine).parent / "cntk.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(ToolkitError, match="another `harness toolkits install cntk` is running"):
            install(machine)


def test_libraries_that_the_image_reader_lacks_are_read_from_ldd() -> None:
    listing = "\tlibz.so.1 => /lib/libz.so.1 (0x1)\n\tlibjpeg.so.8 => not found\n\tlibpng12.so.0 => not found\n"

    assert missing_libraries(listing) == ("libjpeg.so.8", "libpng12.so.0")
