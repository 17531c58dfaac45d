"""Paths in definitions of jobs, and the mounted directories that they name; pure."""

import functools
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from harness.emulator.engine.model.mount_paths import MountedPath, Volume
from harness.emulator.engine.model.spec import MountVolumes

Level = Literal["cluster", "job"]

# How definitions write the mount roots. The third is the real path on nodes, which some definitions have.
_ROOTS: tuple[tuple[str, Level], ...] = (
    ("$AZ_BATCHAI_MOUNT_ROOT", "cluster"),
    ("${AZ_BATCHAI_MOUNT_ROOT}", "cluster"),
    ("/mnt/batch/tasks/shared/LS_root/mounts", "cluster"),
    ("$AZ_BATCHAI_JOB_MOUNT_ROOT", "job"),
    ("${AZ_BATCHAI_JOB_MOUNT_ROOT}", "job"),
)


@functools.lru_cache(maxsize=256)
def volumes(mounts: MountVolumes | None) -> tuple[Volume, ...]:
    """The volumes that a definition mounts."""
    if mounts is None:
        return ()
    return (
        *(
            Volume(_plain(share.relative_mount_path), "file", share.account_name, _share(share.azure_file_url))
            for share in mounts.azure_file_shares or ()
        ),
        *(
            Volume(_plain(server.relative_mount_path), "server", server.file_server.id, server.source_directory or "")
            for server in mounts.file_servers or ()
        ),
        *(
            Volume(_plain(container.relative_mount_path), "blob", container.account_name, container.container_name)
            for container in mounts.azure_blob_file_systems or ()
        ),
        *(
            Volume(_plain(mount.relative_mount_path), "command", "", mount.mount_command)
            for mount in mounts.unmanaged_file_systems or ()
        ),
    )


def locate(path: str, cluster: Iterable[Volume], job: Iterable[Volume]) -> MountedPath | None:
    """The directory that a path names; None if the path is on no mounted volume, or leaves its volume."""
    for root, level in _ROOTS:
        if path == root or path.startswith(f"{root}/"):
            inner = PurePosixPath(path.removeprefix(root).lstrip("/") or ".")
            return _within(inner, cluster if level == "cluster" else job)
    return None


@functools.lru_cache(maxsize=256)
def mount_path_problem(path: str) -> str | None:
    """Why a volume cannot be mounted at a relative path; None if it can."""
    pure = PurePosixPath(_plain(path))
    if "\0" in path or ".." in pure.parts or not pure.parts or any(len(part.encode()) > 255 for part in pure.parts):
        return "must be a relative path below the mount root, without '..'"
    return None


def suffix_problem(suffix: str) -> str | None:
    """Why an output directory cannot have a suffix; None if it can."""
    pure = PurePosixPath(suffix)
    if "\0" in suffix or pure.is_absolute() or ".." in pure.parts or any(len(p.encode()) > 255 for p in pure.parts):
        return "must be a relative path without '..'"
    return None


def _within(inner: PurePosixPath, mounted: Iterable[Volume]) -> MountedPath | None:
    if ".." in inner.parts or "\0" in str(inner):
        return None
    fitting = [volume for volume in mounted if inner.is_relative_to(volume.path)]
    if not fitting:
        return None
    nearest = max(fitting, key=lambda volume: len(volume.path))
    return MountedPath(nearest, "").below(str(inner.relative_to(nearest.path)))


def _share(url: str) -> str:
    """The share that a URL names; empty where it is no URL."""
    try:
        return urlsplit(url).path.strip("/")
    except ValueError:
        return ""


def _plain(path: str) -> str:
    return path.strip("/")
