import dataclasses

import pytest

from harness.errors import ToolkitError
from harness.toolkits.catalogue import TOOLKITS
from harness.toolkits.interpreters import Cntk
from harness.toolkits.survey import Entry, Offer, survey

OFFER = Offer(
    pythons=("/python", "/own"),
    packages=lambda python: {},
    mpirun="/usr/bin/mpirun",
    cpus=2,
    gpus=1,
    cntk=lambda: Cntk("/py", "CNTK 2.7"),
    which=lambda program: None,
)


def entry(toolkit: str, offer: Offer = OFFER) -> Entry:
    return next(item for item in survey(offer) if item.toolkit == toolkit)


def test_every_toolkit_of_the_service_is_listed() -> None:
    assert [item.toolkit for item in survey(OFFER)] == list(TOOLKITS)


def test_cntk_says_which_one_trains_and_on_what() -> None:
    assert entry("cntk").how == "CNTK 2.7, 1 GPU, 2 CPUs"


def test_without_cntk_the_remedy_is_named() -> None:
    def none() -> Cntk:
        raise ToolkitError("harness toolkits install cntk")

    cntk = entry("cntk", dataclasses.replace(OFFER, cntk=none))

    assert (cntk.works, cntk.how) == (False, "harness toolkits install cntk")


def test_a_package_that_is_missing_is_named() -> None:
    horovod = entry("horovod", dataclasses.replace(OFFER, mpirun=None))

    assert (horovod.works, horovod.how) == (False, "missing: pip install horovod; mpirun (apt-get install openmpi-bin)")


def test_what_needs_mpirun_alone_works_with_it() -> None:
    assert entry("customMpi") == Entry("customMpi", "mpirun", True, "/usr/bin/mpirun, 1 GPU, 2 CPUs")


@pytest.mark.parametrize(("program", "works"), [("/usr/bin/caffe", True), (None, False)])
def test_caffe_is_its_program(program: str | None, works: bool) -> None:
    assert entry("caffe", dataclasses.replace(OFFER, which=lambda name: program)).works is works


def test_a_framework_works_where_either_interpreter_has_it() -> None:
    pytorch = entry("pyTorch", dataclasses.replace(OFFER, packages={"/python": {}, "/own": {"torch": "2.13.0"}}.get))

    assert (pytorch.works, pytorch.how) == (True, "PyTorch 2.13.0 in /own, 1 GPU, 2 CPUs")
