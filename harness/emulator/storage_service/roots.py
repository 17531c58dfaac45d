"""The directories of shares and containers, and the records that say which of them exist.

A share exists once its record is stored. Its directory is created or moved before that, and moved back if the record
cannot be stored. If the process is killed in between, the directory is at the wrong path. Each record identifies its
directory by inode and birth time, so the next start finds it and moves it back.
"""

import logging
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.entries import FileId
from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.system_calls import HERE, rename_to_new, status_of
from harness.emulator.storage_service.trash import Trash, moving

_DELETION_MARK = "!"  # in the name of a directory that is deleted, and in no name of a share or container
# Names of directories that only the emulator creates: snapshots, restorable shares, and directories being deleted.
_INTERNAL_NAME = re.compile(
    r"[a-z0-9-]{3,63}(@[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)?(![0-9A-F]{16})?(![0-9a-f]{32})?", re.ASCII
)

_log = logging.getLogger(__name__)

Address = tuple[str, str]  # account, and name of the directory


class Roots:
    """The directories of one service."""

    def __init__(self, service: Service, accounts: Accounts, trash: Trash) -> None:
        self._service = service
        self._accounts = accounts
        self._trash = trash

    def path(self, account: str, name: str) -> Path:
        """The path of a directory, which may not exist."""
        return self._accounts.directory(self._service, account, name=name)

    @contextmanager
    def creating(self, account: str, name: str) -> Iterator[FileId]:
        """Create a directory; the block stores its record. An existing directory is used as it is.

        Yields:
            The identity of the directory.
        """
        path = self.path(account, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = True
        try:
            path.mkdir(mode=0o777)
        except FileExistsError:
            is_new = False
        try:
            yield identify(path)
        except BaseException:
            if is_new:
                with suppress(OSError):  # the next share of the name gets the empty directory
                    path.rmdir()
            raise

    @contextmanager
    def moving_in(self, account: str, name: str, staged_path: Path) -> Iterator[FileId]:
        """Move a staged directory to its path; the block stores the record.

        Yields:
            The identity of the directory.

        Raises:
            FileExistsError: the path exists already.
        """
        path = self.path(account, name)
        directory = identify(staged_path)
        rename_to_new(staged_path, HERE, str(path))
        try:
            yield directory
        except BaseException:
            self._trash.discard(path)
            raise

    @contextmanager
    def moving(self, account: str, name: str, new_name: str) -> Iterator[None]:
        """Move a directory, if it exists; the block stores the changed records.

        Raises:
            FileExistsError: the new path exists already.
        """
        with moving(self.path(account, name), self.path(account, new_name)):
            yield

    @contextmanager
    def removing(self, account: str, name: str) -> Iterator[None]:
        """Delete a directory, if it exists; the block deletes the record."""
        marked = f"{name}{_DELETION_MARK}{uuid.uuid4().hex}"
        with self._trash.removing(self.path(account, name), self.path(account, marked)):
            yield

    def settle(self, recorded: Mapping[Address, FileId]) -> dict[Address, FileId]:
        """Move each directory to the path in its record, and delete the emulator's directories without a record.

        Args:
            recorded: the identity of the directory that each record names.

        Returns:
            The identities of directories that differ from the recorded ones, because the data directory was copied, the
            directory was replaced, or it was missing and is empty now.
        """
        differing: dict[Address, FileId] = {}
        for account in {account for account, _ in recorded} | self._accounts_on_disk():
            expected = {name: directory for (owner, name), directory in recorded.items() if owner == account}
            on_disk = self._directories_on_disk(account)
            self._move_back(account, expected, on_disk)
            for name, directory in expected.items():
                if name not in on_disk:
                    self.path(account, name).mkdir(mode=0o777, parents=True)
                    _log.warning("the directory of %s of account %s was missing; it is empty now", name, account)
                    on_disk[name] = identify(self.path(account, name))
                if on_disk[name] != directory:
                    differing[account, name] = on_disk[name]
            for name in on_disk.keys() - expected.keys():
                if _is_internal(name) and on_disk[name] not in expected.values():
                    self._trash.discard(self.path(account, name))
        return differing

    def _move_back(self, account: str, expected: dict[str, FileId], on_disk: dict[str, FileId]) -> None:
        current_names = {directory: name for name, directory in on_disk.items()}
        for name, directory in expected.items():
            misplaced_name = current_names.get(directory)
            if name not in on_disk and misplaced_name is not None and expected.get(misplaced_name) != directory:
                self.path(account, misplaced_name).rename(self.path(account, name))
                on_disk[name] = on_disk.pop(misplaced_name)

    def _accounts_on_disk(self) -> set[str]:
        return {directory.parent.name for directory in self._accounts.root.glob(f"*/{self._service}")}

    def _directories_on_disk(self, account: str) -> dict[str, FileId]:
        folder = self.path(account, "x").parent
        if not folder.is_dir():
            return {}
        return {
            directory.name: identify(directory)
            for directory in folder.iterdir()
            if directory.is_dir() and not directory.is_symlink()
        }


def _is_internal(name: str) -> bool:
    return bool(_INTERNAL_NAME.fullmatch(name)) and any(sign in name for sign in "!@")


def identify(directory: Path) -> FileId:
    """The identity of a directory.

    Raises:
        OSError: the path does not lead to a directory.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = status_of(descriptor)
    finally:
        os.close(descriptor)
    return status.inode, status.birth
