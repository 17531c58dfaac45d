"""Deletion of blobs, snapshots and versions, and restoration of those that the account retains."""

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.blob_files import BlobFiles
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import (
    EarlierState,
    after_deletion,
    after_restoration,
    kind_to_keep,
    root_of,
)
from harness.emulator.providers.blobs.errors import blob_not_found, current_version, snapshots_present
from harness.emulator.providers.blobs.history import History, blob_of_state
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.entries import path_entry
from harness.emulator.storage_service.operations import Call

_OPTION = "x-ms-delete-snapshots"
_TYPE = "x-ms-delete-type-permanent"


class DeletionHandlers:
    """Delete Blob and Undelete Blob."""

    def __init__(self, containers: Containers, history: History, blob_files: BlobFiles) -> None:
        self._containers = containers
        self._history = history
        self._blob_files = blob_files

    def delete(self, call: Call) -> Response:
        """Delete Blob; for a directory that holds blobs, only the blob that represents the directory."""
        _check_permission(call)
        option = call.request.headers.get(_OPTION, "").lower()
        if option not in ("", "include", "only"):
            raise errors.invalid_header(_OPTION)
        if call.target.snapshot or call.target.version:
            if option:
                raise errors.invalid_header(_OPTION)
            return self._delete_earlier(call)
        blob = self._containers.blob(call, change=True)
        tiers.check_changed(blob.record, call.request.headers, call.now)
        protection = self._history.protection(call.target.account)
        states = self._history.records.states(blob.path)
        snapshots = [state for state in states if state.kind == "snapshot" and not state.deleted]
        outcomes = {state.id: after_deletion(state, protection, call.now) for state in snapshots}
        if option == "only":
            self._history.put_states(blob.path, outcomes)
        elif snapshots and not option:
            raise snapshots_present()
        else:
            self._containers.clean_blocks_directory(blob.path, blob)
            self._blob_files.remove(blob, outcomes)
        return _accepted(permanent=kind_to_keep(blob.record, blob.entry, protection) is None)

    def _delete_earlier(self, call: Call) -> Response:
        """Delete a snapshot or a version; a deleted one permanently, if the account permits it."""
        protection = self._history.protection(call.target.account)
        permanent = call.request.query.get("deletetype", "").lower() == "permanent" and protection.permanent
        blob = self._history.find(call.target)
        if blob is None and permanent:
            blob = self._history.find_earlier(call.target)
        if blob is None:
            raise blob_not_found()
        if blob.earlier is None:
            raise current_version()
        self._containers.admit(call, blob, change=True)
        tiers.check_changed(blob.record, call.request.headers, call.now)
        state = None if blob.earlier.deleted else after_deletion(blob.earlier, protection, call.now)
        self._history.put_states(blob.path, {blob.earlier.id: state})
        return _accepted(permanent=state is None)

    def undelete(self, call: Call) -> Response:
        """Undelete Blob: restore the blob, if it does not exist, and its deleted snapshots and versions."""
        path = self._containers.path(call.target)
        states = [state for state in self._history.records.states(path) if state.deleted]
        exists = self._containers.find(path) is not None
        if not (states or exists):
            raise blob_not_found()
        outcomes: dict[str, EarlierState | None] = {state.id: after_restoration(state) for state in states}
        root = None if exists else root_of(states)
        if root is None:
            self._history.put_states(path, outcomes)
        else:
            self._restore_blob(path, root, {**outcomes, root.id: None})
        return Response(200)

    def _restore_blob(self, path: BlobPath, root: EarlierState, outcomes: dict[str, EarlierState | None]) -> None:
        """Restore a deleted blob in the same step on disk as its snapshots and versions."""
        blob = blob_of_state(path, root)
        with self._history.files.temporary_link(blob) as file:
            entry = path_entry(file, path.names[-1])
            with self._history.changing_file(path, entry, outcomes, arrives=True):
                self._blob_files.put(StoredBlob(path, entry, blob.record), file)


def _check_permission(call: Call) -> None:
    """Refuse a SAS without the permission for this deletion: of a blob or snapshot, of a version, or permanent.

    Raises:
        StorageError: the permission is missing.
    """
    is_earlier = bool(call.target.snapshot or call.target.version)  # only these can be deleted permanently
    permanent = is_earlier and call.request.query.get("deletetype", "").lower() == "permanent"
    permission = "y" if permanent else "x" if call.target.version else "d"
    if not (call.credential.covers_account or permission in call.credential.permissions):
        raise errors.permission_mismatch()


def _accepted(*, permanent: bool) -> Response:
    return Response(202, headers=[(_TYPE, "true" if permanent else "false")])
