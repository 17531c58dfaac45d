"""Copies the initial shares and containers of an emulator from a directory."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from harness.emulator.storage_service import Accounts
from harness.errors import EmulatorError

_NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)  # of shares and of containers
_SERVICES: tuple[Literal["file", "blob"], ...] = ("file", "blob")


def seed(accounts: Accounts, account: str, directory: Path) -> None:
    """Copy each ``file/SHARE`` and ``blob/CONTAINER`` of a directory to a share or container of an account.

    Shares and containers that exist stay as they are, so every start may use the same seed. If a start is killed during
    a copy, the next one copies again. Symbolic links, pipes and devices are left out.

    Raises:
        EmulatorError: the directory does not exist, holds other entries, or cannot be copied.
    """
    try:
        sources = list(_seeds(directory))
        for service, source in sources:
            _copy(accounts, account, service, source)
    except (OSError, shutil.Error) as error:
        raise EmulatorError(f"--seed {directory}: it cannot be copied: {error}") from error


def _seeds(directory: Path) -> Iterator[tuple[Literal["file", "blob"], Path]]:
    if not directory.is_dir():
        raise EmulatorError(f"--seed {directory}: there is no such directory")
    if foreign := sorted(entry.name for entry in directory.iterdir() if entry.name not in _SERVICES):
        raise EmulatorError(
            f"--seed {directory}: it holds {foreign[0]!r}; put shares into {directory}/file/SHARE, and containers into "
            f"{directory}/blob/CONTAINER"
        )
    for service in _SERVICES:
        if (directory / service).is_symlink():
            raise EmulatorError(f"--seed {directory}: {service} is a symbolic link; use a copy of its target")
        for source in sorted((directory / service).iterdir()) if (directory / service).is_dir() else ():
            if source.is_symlink() or not (source.is_dir() and _NAME.fullmatch(source.name)):
                raise EmulatorError(
                    f"--seed {directory}: {service}/{source.name} must be a directory with a name that a share or "
                    "container can have: 3 to 63 lower-case letters, digits and single hyphens"
                )
            yield service, source


def _copy(accounts: Accounts, account: str, service: Literal["file", "blob"], source: Path) -> None:
    name = source.name
    find = accounts.share_directory if service == "file" else accounts.container_directory
    if find(account, name) is not None:
        return
    target = accounts.directory(service, account, name=name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(source, target, ignore=_special_files, dirs_exist_ok=True)
    target.chmod(0o777)  # as every share: jobs in containers may run as other users and write there
    ensure = accounts.ensure_share if service == "file" else accounts.ensure_container
    ensure(account, name)


def _special_files(directory: str, names: list[str]) -> set[str]:
    """The names of entries that are neither a regular file nor a directory."""
    entries = {entry.name: entry for entry in os.scandir(directory)}
    return {
        name
        for name in names
        if not (entries[name].is_file(follow_symlinks=False) or entries[name].is_dir(follow_symlinks=False))
    }
