"""The mounted directories that the paths of jobs name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.engine.model.mount_paths import Volume
from harness.emulator.engine.rules.paths import locate, mount_path_problem, suffix_problem

SHARE = Volume("share", "file", "account", "share")
INNER = Volume("share/inner", "blob", "account", "container")
MINE = Volume("mine", "file", "account", "other")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$AZ_BATCHAI_MOUNT_ROOT/share", (SHARE, "")),
        ("${AZ_BATCHAI_MOUNT_ROOT}/share/a/b/", (SHARE, "a/b")),
        ("/mnt/batch/tasks/shared/LS_root/mounts/share/a", (SHARE, "a")),
        ("$AZ_BATCHAI_MOUNT_ROOT/share/inner/x", (INNER, "x")),
        ("$AZ_BATCHAI_JOB_MOUNT_ROOT/mine//x", (MINE, "x")),
        ("$AZ_BATCHAI_MOUNT_ROOT/mine", None),
        ("$AZ_BATCHAI_MOUNT_ROOT/share2", None),
        ("$AZ_BATCHAI_MOUNT_ROOT/share/../../etc", None),
        ("/etc", None),
        ("", None),
    ],
)
def test_a_path_leads_to_the_nearest_mount_or_nowhere(path: str, expected: object) -> None:
    directory = locate(path, (SHARE, INNER), (MINE,))

    assert ((directory.volume, directory.inner) if directory else None) == expected


@given(st.text(max_size=40))
def test_no_path_leads_out_of_its_mount(rest: str) -> None:
    directory = locate(f"$AZ_BATCHAI_MOUNT_ROOT/share/{rest}", (SHARE, INNER), ())

    assert directory is None or (".." not in directory.inner.split("/") and not directory.inner.startswith("/"))


@pytest.mark.parametrize("path", ["", "/", "../x", "a/../../b", "a\0b", "x" * 256])
def test_a_mount_path_that_is_none_is_named(path: str) -> None:
    assert mount_path_problem(path)


@pytest.mark.parametrize("suffix", ["../x", "/x", "a\0b"])
def test_a_suffix_that_leaves_its_directory_is_named(suffix: str) -> None:
    assert suffix_problem(suffix)
