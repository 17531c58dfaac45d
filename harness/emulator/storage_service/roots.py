"""The directories of shares and containers, and the records that say which of them exist.

A share exists once its record is stored. Its directory is made or moved before that, and back if the record cannot be
stored. If the process is killed between the two, the directory is in the wrong place. Each record names its directory
by inode and time of birth, so the next start finds it and moves it back.
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
from harness.emulator.storage_service.trash import Trash, moved

_ASIDE = "!"  # in the name of a directory that is deleted, and in no name of a share or container
# Names of directories that only the emulator makes: snapshots, shares that can be restored, and what is being deleted.
_LEFT = re.compile(r"[a-z0-9-]{3,63}(@[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)?(![0-9A-F]{16})?(![0-9a-f]{32})?", re.ASCII)

_log = logging.getLogger(__name__)

Address = tuple[str, str]  # account, and name of the directory


class Roots:
    """The directories of one service."""

    def __init__(self, service: Service, accounts: Accounts, trash: Trash) -> None:
        self._service = service
        self._accounts = accounts
        self._trash = trash

    def path(self, account: str, name: str) -> Path:
        """Where a directory is, if it exists."""
        return self._accounts.directory(self._service, account, name=name)

    @contextmanager
    def making(self, account: str, name: str) -> Iterator[FileId]:
        """Make a directory; the block stores its record. A directory that exists already is used as it is.

        Yields:
            The identity of the directory.
        """
        path = self.path(account, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        made = True
        try:
            path.mkdir(mode=0o777)
        except FileExistsError:
            made = False
        try:
            yield identify(path)
        except BaseException:
            if made:
                with suppress(OSError):  # the next share of the name gets the empty directory
                    path.rmdir()
            raise

    @contextmanager
    def taking(self, account: str, name: str, beside: Path) -> Iterator[FileId]:
        """Move a directory that was made elsewhere to its place; the block stores the record.

        Yields:
            The identity of the directory.

        Raises:
            FileExistsError: there is one already.
        """
        path = self.path(account, name)
        directory = identify(beside)
        rename_to_new(beside, HERE, str(path))
        try:
            yield directory
        except BaseException:
            self._trash.discard(path)
            raise

    @contextmanager
    def moving(self, account: str, name: str, to: str) -> Iterator[None]:
        """Move a directory, if it exists; the block stores the changed records.

        Raises:
            FileExistsError: there is something already.
        """
        with moved(self.path(account, name), self.path(account, to)):
            yield

    @contextmanager
    def removing(self, account: str, name: str) -> Iterator[None]:
        """Delete a directory, if it exists; the block deletes the record."""
        aside = f"{name}{_ASIDE}{uuid.uuid4().hex}"
        with self._trash.removing(self.path(account, name), self.path(account, aside)):
            yield

    def settle(self, recorded: Mapping[Address, FileId]) -> dict[Address, FileId]:
        """Move each directory where its record says, and delete directories of ours that have no record.

        Args:
            recorded: the identity of the directory that each record names.

        Returns:
            The identities of directories that differ from the recorded ones: the data directory was copied, somebody
            has replaced the directory, or it was missing and is empty now.
        """
        others: dict[Address, FileId] = {}
        for account in {account for account, _ in recorded} | self._accounts_on_disk():
            wanted = {name: directory for (owner, name), directory in recorded.items() if owner == account}
            found = self._found(account)
            self._move_back(account, wanted, found)
            for name, directory in wanted.items():
                if name not in found:
                    self.path(account, name).mkdir(mode=0o777, parents=True)
                    _log.warning("the directory of %s of account %s was missing; it is empty now", name, account)
                    found[name] = identify(self.path(account, name))
                if found[name] != directory:
                    others[account, name] = found[name]
            for name in found.keys() - wanted.keys():
                if _is_left(name) and found[name] not in wanted.values():
                    self._trash.discard(self.path(account, name))
        return others

    def _move_back(self, account: str, wanted: dict[str, FileId], found: dict[str, FileId]) -> None:
        places = {directory: name for name, directory in found.items()}
        for name, directory in wanted.items():
            place = places.get(directory)
            if name not in found and place is not None and wanted.get(place) != directory:
                self.path(account, place).rename(self.path(account, name))
                found[name] = found.pop(place)

    def _accounts_on_disk(self) -> set[str]:
        return {each.parent.name for each in self._accounts.root.glob(f"*/{self._service}")}

    def _found(self, account: str) -> dict[str, FileId]:
        folder = self.path(account, "x").parent
        if not folder.is_dir():
            return {}
        return {each.name: identify(each) for each in folder.iterdir() if each.is_dir() and not each.is_symlink()}


def _is_left(name: str) -> bool:
    return bool(_LEFT.fullmatch(name)) and any(sign in name for sign in "!@")


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
