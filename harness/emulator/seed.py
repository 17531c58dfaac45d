"""Shares and containers to begin with, copied from a directory of the user's."""

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
    """Make each ``file/SHARE`` and ``blob/CONTAINER`` of a directory a share or container of an account.

    What the account has already stays as it is, so the same seed may be given at every start. What a killed start has
    copied in part is copied again by the next one. Symbolic links, pipes and devices are left out.

    Raises:
        EmulatorError: there is no such directory, it holds something else, or it cannot be copied.
    """
    try:
        found = list(_seeds(directory))
        for service, source in found:
            _copy(accounts, account, service, source)
    except (OSError, shutil.Error) as error:
        raise EmulatorError(f"--seed {directory}: it cannot be copied: {error}") from error


def _seeds(directory: Path) -> Iterator[tuple[Literal["file", "blob"], Path]]:
    if not directory.is_dir():
        raise EmulatorError(f"--seed {directory}: there is no such directory")
    if strange := sorted(each.name for each in directory.iterdir() if each.name not in _SERVICES):
        raise EmulatorError(
            f"--seed {directory}: it holds {strange[0]!r}; shares go to {directory}/file/SHARE, containers to "
            f"{directory}/blob/CONTAINER"
        )
    for service in _SERVICES:
        if (directory / service).is_symlink():
            raise EmulatorError(f"--seed {directory}: {service} is a symbolic link; copy what it leads to")
        for source in sorted((directory / service).iterdir()) if (directory / service).is_dir() else ():
            if source.is_symlink() or not (source.is_dir() and _NAME.fullmatch(source.name)):
                raise EmulatorError(
                    f"--seed {directory}: {service}/{source.name} is no directory whose name a share or container can "
                    "have: 3 to 63 lower-case letters, digits and single hyphens"
                )
            yield service, source


def _copy(accounts: Accounts, account: str, service: Literal["file", "blob"], source: Path) -> None:
    name = source.name
    known = accounts.share_directory if service == "file" else accounts.container_directory
    if known(account, name) is not None:
        return
    target = accounts.directory(service, account, name=name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(source, target, ignore=_unshown, dirs_exist_ok=True)
    target.chmod(0o777)  # as of every share: jobs of other users of a container write there, too
    ensure = accounts.ensure_share if service == "file" else accounts.ensure_container
    ensure(account, name)


def _unshown(directory: str, names: list[str]) -> set[str]:
    """What is neither a file nor a directory itself."""
    found = {entry.name: entry for entry in os.scandir(directory)}
    return {
        name
        for name in names
        if not (found[name].is_file(follow_symlinks=False) or found[name].is_dir(follow_symlinks=False))
    }
