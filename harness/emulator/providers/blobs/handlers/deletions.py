"""Deletion of blobs, snapshots and versions, and restoration of those that are kept."""

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import EarlierState, deleted, kind_kept, restored, root_of
from harness.emulator.providers.blobs.errors import blob_not_found, current_version, snapshots_present
from harness.emulator.providers.blobs.history import History, shown
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.providers.blobs.placing import Placing
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.entries import path_entry
from harness.emulator.storage_service.operations import Call

_OPTION = "x-ms-delete-snapshots"
_TYPE = "x-ms-delete-type-permanent"


class DeletionHandlers:
    """Delete Blob and Undelete Blob."""

    def __init__(self, containers: Containers, history: History, placing: Placing) -> None:
        self._containers = containers
        self._history = history
        self._placing = placing

    def delete(self, call: Call) -> Response:
        """Delete Blob; of a directory with blobs in it, only the blob that represents the directory."""
        _check_letter(call)
        option = call.request.headers.get(_OPTION, "").lower()
        if option not in ("", "include", "only"):
            raise errors.invalid_header(_OPTION)
        if call.target.snapshot or call.target.version:
            if option:
                raise errors.invalid_header(_OPTION)
            return self._delete_earlier(call)
        found = self._containers.blob(call, change=True)
        tiers.check_changed(found.blob, call.request.headers, call.now)
        protection = self._history.protection(call.target.account)
        states = self._history.records.states(found.place)
        snapshots = [state for state in states if state.kind == "snapshot" and not state.deleted]
        outcomes = {state.id: deleted(state, protection, call.now) for state in snapshots}
        if option == "only":
            self._history.settle(found.place, outcomes)
        elif snapshots and not option:
            raise snapshots_present()
        else:
            self._containers.staged_blocks(found.place, found)
            self._placing.remove(found, outcomes)
        return _accepted(permanent=kind_kept(found.blob, found.entry, protection) is None)

    def _delete_earlier(self, call: Call) -> Response:
        """Delete a snapshot or a version; a deleted one for good, if the account permits that."""
        protection = self._history.protection(call.target.account)
        permanent = call.request.query.get("deletetype", "").lower() == "permanent" and protection.permanent
        found = self._history.find(call.target)
        if found is None and permanent:
            found = self._history.find_earlier(call.target)
        if found is None:
            raise blob_not_found()
        if found.earlier is None:
            raise current_version()
        self._containers.admit(call, found, change=True)
        tiers.check_changed(found.blob, call.request.headers, call.now)
        state = None if found.earlier.deleted else deleted(found.earlier, protection, call.now)
        self._history.settle(found.place, {found.earlier.id: state})
        return _accepted(permanent=state is None)

    def undelete(self, call: Call) -> Response:
        """Undelete Blob: restore the blob, if it does not exist, and its deleted snapshots and versions."""
        place = self._containers.place(call.target)
        states = [state for state in self._history.records.states(place) if state.deleted]
        is_there = self._containers.find(place) is not None
        if not (states or is_there):
            raise blob_not_found()
        outcomes: dict[str, EarlierState | None] = {state.id: restored(state) for state in states}
        root = None if is_there else root_of(states)
        if root is None:
            self._history.settle(place, outcomes)
        else:
            self._put_back(place, root, {**outcomes, root.id: None})
        return Response(200)

    def _put_back(self, place: Place, root: EarlierState, outcomes: dict[str, EarlierState | None]) -> None:
        """Put a deleted blob back in its place, in one step with the restoration of its snapshots and versions."""
        found = shown(place, root)
        with self._history.files.beside(found) as file:
            entry = path_entry(file, place.names[-1])
            with self._history.turning(place, entry, outcomes, arrives=True):
                self._placing.put(Found(place, entry, found.blob), file)


def _check_letter(call: Call) -> None:
    """Refuse a SAS without the letter for this deletion: of a blob or snapshot, of a version, or for good.

    Raises:
        StorageError: it has not.
    """
    is_earlier = bool(call.target.snapshot or call.target.version)  # only they can be deleted for good
    permanent = is_earlier and call.request.query.get("deletetype", "").lower() == "permanent"
    letter = "y" if permanent else "x" if call.target.version else "d"
    if not (call.credential.is_whole or letter in call.credential.permissions):
        raise errors.permission_mismatch()


def _accepted(*, permanent: bool) -> Response:
    return Response(202, headers=[(_TYPE, "true" if permanent else "false")])
