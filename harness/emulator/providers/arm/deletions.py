"""Deletion of resource groups: a group is deleted once no provider has anything left in it."""

import logging
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from harness.emulator.guids import new_guid
from harness.emulator.providers import ResourceProvider
from harness.emulator.providers.arm.model import GroupDeletion, ResourceGroup, group_key
from harness.emulator.store import Store

_KEPT = timedelta(hours=1)  # for which the end of a deletion can be polled
_LOOK_SECONDS = 0.05

_log = logging.getLogger(__name__)


class Deletions:
    """The deletions of all resource groups.

    Args:
        providers: what has resources in groups.
    """

    def __init__(self, store: Store, providers: Sequence[ResourceProvider]) -> None:
        self._store = store
        self._providers = providers
        self._open = {operation for operation, deletion in store.list(GroupDeletion) if not deletion.done}
        self._unannounced = set(self._open)  # deletions that not every provider has begun since the start

    def begin(self, subscription: str, group: ResourceGroup, now: datetime) -> str:
        """Delete everything in a group, then the group; returns the id of the operation."""
        operation = new_guid()
        with self._store.transaction():
            for key, earlier in self._store.list(GroupDeletion):
                if earlier.done and now - earlier.started > _KEPT:
                    self._store.delete(GroupDeletion, key)
            self._store.put(group_key(subscription, group.name), replace(group, deleting=True))
            self._store.put(operation, GroupDeletion(group.name, subscription, now))
        self._open.add(operation)
        self._unannounced.add(operation)
        try:
            self.reconcile(now)
        except sqlite3.Error as error:
            _log.warning("the group %s is deleted later: %s", group.name, error)
        return operation

    def reconcile(self, _now: datetime) -> float | None:
        """Finish deletions whose group is empty; returns seconds until the next check of the others."""
        for operation in sorted(self._open):
            deletion = self._store.get(GroupDeletion, operation)
            if deletion and operation in self._unannounced:
                self._announce(operation, deletion)
            if deletion and all(it.group_is_empty(deletion.subscription, deletion.group) for it in self._providers):
                with self._store.transaction():
                    self._store.delete(ResourceGroup, group_key(deletion.subscription, deletion.group))
                    self._store.put(operation, replace(deletion, done=True))
                self._open.discard(operation)
        return _LOOK_SECONDS if self._open else None

    def _announce(self, operation: str, deletion: GroupDeletion) -> None:
        """Make every provider delete what it has in a group; if the disk refuses, the next check does it again."""
        refused = False
        for provider in self._providers:
            try:
                provider.begin_group_delete(deletion.subscription, deletion.group)
            except (OSError, sqlite3.Error) as error:
                _log.warning("not everything in the group %s can be deleted yet: %s", deletion.group, error)
                refused = True
        if not refused:
            self._unannounced.discard(operation)
