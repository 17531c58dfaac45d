"""Deletion of resource groups: a group is deleted as soon as no provider has resources in it."""

import logging
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from harness.emulator.guids import new_guid
from harness.emulator.providers import ResourceProvider
from harness.emulator.providers.arm.model import GroupDeletion, ResourceGroup, group_key
from harness.emulator.store import Store

_RETENTION = timedelta(hours=1)  # how long clients can poll a deletion that has ended
_CHECK_SECONDS = 0.05

_log = logging.getLogger(__name__)


class Deletions:
    """The deletions of all resource groups.

    Args:
        providers: the resource providers whose resources are in groups.
    """

    def __init__(self, store: Store, providers: Sequence[ResourceProvider]) -> None:
        self._store = store
        self._providers = providers
        self._open = {operation for operation, deletion in store.list(GroupDeletion) if not deletion.done}
        self._unstarted = set(self._open)  # deletions that a provider has yet to start

    def begin(self, subscription: str, group: ResourceGroup, now: datetime) -> str:
        """Delete everything in a group, then the group; returns the id of the operation."""
        operation = new_guid()
        with self._store.transaction():
            for key, earlier in self._store.list(GroupDeletion):
                if earlier.done and now - earlier.started > _RETENTION:
                    self._store.delete(GroupDeletion, key)
            self._store.put(group_key(subscription, group.name), replace(group, deleting=True))
            self._store.put(operation, GroupDeletion(group.name, subscription, now))
        self._open.add(operation)
        self._unstarted.add(operation)
        try:
            self.reconcile(now)
        except sqlite3.Error as error:
            _log.warning("the group %s will be deleted later: %s", group.name, error)
        return operation

    def reconcile(self, _now: datetime) -> float | None:
        """Finish deletions whose group is empty; returns the seconds until the next check of the others."""
        for operation in sorted(self._open):
            deletion = self._store.get(GroupDeletion, operation)
            if deletion and operation in self._unstarted:
                self._start(operation, deletion)
            if deletion and self._is_empty(deletion):
                with self._store.transaction():
                    self._store.delete(ResourceGroup, group_key(deletion.subscription, deletion.group))
                    self._store.put(operation, replace(deletion, done=True))
                self._open.discard(operation)
        return _CHECK_SECONDS if self._open else None

    def _is_empty(self, deletion: GroupDeletion) -> bool:
        return all(provider.group_is_empty(deletion.subscription, deletion.group) for provider in self._providers)

    def _start(self, operation: str, deletion: GroupDeletion) -> None:
        """Start the deletion in every provider; after an error of the disk the next check repeats it."""
        has_failed = False
        for provider in self._providers:
            try:
                provider.begin_group_delete(deletion.subscription, deletion.group)
            except (OSError, sqlite3.Error) as error:
                _log.warning("not everything in the group %s can be deleted yet: %s", deletion.group, error)
                has_failed = True
        if not has_failed:
            self._unstarted.discard(operation)
