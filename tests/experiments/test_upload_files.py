"""Which files a scenario may upload, and under which names."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.experiments.upload_files import own_files
from harness.scenario.model import Scenario

Changed = Callable[[str, str], Scenario]
Uploading = Callable[..., Scenario]

HERE = "scenarios"


@pytest.fixture
def uploading(changed: Changed, tmp_path: Path) -> Uploading:
    """A scenario in a separate folder that uploads some paths; ``outside.txt`` is beside that folder."""
    (tmp_path / "outside.txt").write_text("secret")

    def upload(*paths: str) -> Scenario:
        lines = "\n".join(f"    - file: {path}" for path in paths)
        return changed("    - file: files/ConvNet_MNIST.py", lines)

    return upload


def names(scenario: Scenario, *allowed: Path) -> list[str]:
    return list(own_files(scenario, ("share",), allowed))


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_a_directory_is_uploaded_with_everything_in_it(uploading: Uploading) -> None:
    scenario = uploading("code")
    folder = scenario.path.parent
    write(folder / "code/train.py", folder / "code/deep/net.py")
    assert names(scenario) == ["code/deep/net.py", "code/train.py"]


def test_a_file_that_does_not_exist_is_reported_with_its_line(uploading: Uploading) -> None:
    with pytest.raises(ScenarioError, match=r"changed\.yaml:11: share\.upload\.1: there is no file .*gone"):
        own_files(uploading("gone"), ("share",))


@pytest.mark.parametrize("path", ["../outside.txt", "./a/../../outside.txt", "/etc/hostname", "..", "/"])
def test_what_is_outside_of_the_scenarios_folder_is_refused(uploading: Uploading, path: str) -> None:
    scenario = uploading(path)
    (scenario.path.parent / "a").mkdir()
    with pytest.raises(ScenarioError, match=r"changed\.yaml:11: .*outside of the scenario's folder.*--upload-from /"):
        own_files(scenario, ("share",))


@pytest.mark.parametrize("target", ["../outside.txt", "..", "/etc", "chain"])
@pytest.mark.parametrize("upload", ["link", "code"])
def test_a_link_out_of_the_folder_is_refused(uploading: Uploading, target: str, upload: str) -> None:
    scenario = uploading(upload)
    folder = scenario.path.parent
    (folder / "code").mkdir()
    (folder / "chain").symlink_to(folder.parent / "outside.txt")
    where = folder if upload == "link" else folder / "code"
    (where / "link").symlink_to(target if upload == "link" or target.startswith("/") else f"../{target}")
    with pytest.raises(ScenarioError, match=r"link leads to /.*, which is outside of the scenario's folder"):
        own_files(scenario, ("share",))


def test_a_link_within_the_folder_keeps_its_name(uploading: Uploading) -> None:
    scenario = uploading("train.py", "code")
    folder = scenario.path.parent
    write(folder / "versions/2.py", folder / "shared/net.py")
    (folder / "train.py").symlink_to("versions/2.py")
    (folder / "code").mkdir()
    (folder / "code/shared").symlink_to("../shared")
    (folder / "code/loop").symlink_to(".")
    assert names(scenario) == ["train.py", "code/shared/net.py"]


def test_directories_of_the_option_may_be_uploaded_from(uploading: Uploading, tmp_path: Path) -> None:
    scenario = uploading("../outside.txt", "../code")
    write(tmp_path / "code/train.py")
    with pytest.raises(ScenarioError):
        own_files(scenario, ("share",), [tmp_path / "code"])
    assert names(scenario, tmp_path) == ["outside.txt", "code/train.py"]


def test_a_directory_that_has_the_folders_name_as_a_prefix_is_outside(uploading: Uploading) -> None:
    scenario = uploading(f"../{HERE}-2/train.py")
    write(scenario.path.parent.with_name(f"{HERE}-2") / "train.py")
    with pytest.raises(ScenarioError, match="outside"):
        own_files(scenario, ("share",))


def test_two_uploads_of_one_name_are_refused(uploading: Uploading) -> None:
    scenario = uploading("a/train.py", "b/train.py")
    write(scenario.path.parent / "a/train.py", scenario.path.parent / "b/train.py")
    with pytest.raises(ScenarioError, match=r":12: .*a/train\.py and .*b/train\.py would both be uploaded as"):
        own_files(scenario, ("share",))


@pytest.mark.parametrize("name", ["a:b.txt", "con", "x\ny"])
def test_a_name_that_azure_files_forbids_is_refused(uploading: Uploading, name: str) -> None:
    scenario = uploading("code")
    write(scenario.path.parent / "code" / name)
    with pytest.raises(ScenarioError, match="cannot be uploaded: the name"):
        own_files(scenario, ("share",))


def test_what_is_no_file_is_refused_by_name_and_left_out_of_a_directory(uploading: Uploading) -> None:
    scenario = uploading("code")
    folder = scenario.path.parent
    write(folder / "code/train.py")
    os.mkfifo(folder / "code/pipe")
    (folder / "code/dangling").symlink_to("nowhere")
    assert names(scenario) == ["code/train.py"]
    with pytest.raises(ScenarioError, match="is neither a file nor a directory"):
        own_files(uploading("code/pipe"), ("share",))
