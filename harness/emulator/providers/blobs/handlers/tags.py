"""Index tags: of one blob, and which blobs have them."""

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tag_expressions, tags
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob, blob_key
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service import bodies, conditions, documents, errors, headers
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Container, share_key
from harness.emulator.storage_service.operations import Call

_BATCH = 500  # records read before other requests may run
_LIMIT = 64 << 10  # bytes of a body: ten tags


class TagHandlers:
    """Get Blob Tags, Set Blob Tags and Find Blobs by Tags."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def get(self, call: Call) -> Response:
        """Get Blob Tags."""
        found = self._history.blob(call)
        _check_conditions(call, found)
        return documents.answer(tags.element(found.blob.tags))

    async def set(self, call: Call) -> Response:
        """Set Blob Tags, in place of the previous ones; neither the ETag nor the version changes."""
        if call.target.snapshot:
            raise errors.invalid_query("snapshot")
        body = await bodies.gather(call.request, limit=_LIMIT)
        given = tags.of_body(b"".join(body.parts))
        async with self._containers.changing(call):
            found = self._history.find(call.target)
            if found is None:
                raise blob_not_found()
            self._containers.admit(call, found, change=True)
            _check_conditions(call, found)
            blob = replace(found.blob, tags=given)
            if found.earlier is None:
                self._containers.keep(Found(found.place, found.entry, blob))
            else:
                state = replace(found.earlier, blob=replace(found.earlier.blob, tags=given))
                self._history.settle(found.place, {state.id: state})
        return Response(204)

    async def find(self, call: Call) -> Response:
        """Find Blobs by Tags, in an account or a container."""
        request, account = call.request, call.target.account
        where = request.query.get("where")
        if where is None:
            raise errors.missing_query("where")
        try:
            wanted = tag_expressions.search(where)
        except tag_expressions.ExpressionError as error:
            raise StorageError(400, "InvalidQueryParameterValue", str(error)) from error
        found: list[tuple[str, Found]] = []
        size, more = headers.page_size(request), ""
        async for container, blob in self._tagged(call, documents.marker(request)):
            if not wanted.holds(blob.blob.tags | {tag_expressions.CONTAINER: container}):
                continue
            if len(found) == size:
                more = _place(*found[-1])
                break
            found.append((container, blob))
        asked = "".join(
            f"<{tag}>{documents.text(request.query[tag.lower()])}</{tag}>"
            for tag in ("Where", "MaxResults")
            if tag.lower() in request.query
        )
        return documents.answer(
            f'<EnumerationResults ServiceEndpoint="https://{account}.blob.core.windows.net/">{asked}'
            f"<Blobs>{''.join(_item(*each, wanted.keys) for each in found)}</Blobs>{documents.next_marker(more)}"
            "</EnumerationResults>"
        )

    async def _tagged(self, call: Call, behind: str) -> AsyncIterator[tuple[str, Found]]:
        """Every blob that has tags, with its container's name, in their order.

        Args:
            behind: the container and blob behind which the page begins; empty for the first page.
        """
        target, store = call.target, self._containers.store
        if target.share:
            containers = [self._containers.container(target)]
        else:
            containers = [each for _, each in store.list(Container, share_key(target.account, ""))]
        last, _, name = behind.partition("/")
        for container in containers:
            if container.name < last:
                continue
            prefix = blob_key(target.account, container.content, "")
            after = prefix + name if container.name == last else ""
            tree = self._containers.tree(target.account, container.name)
            while records := store.list(Blob, prefix, after=after, limit=_BATCH):
                for key, record in records:
                    after = key
                    if record.tags or record.previous:
                        place = Place(target.account, container.content, "", tree, []).other(key.removeprefix(prefix))
                        found = self._containers.find(place)
                        if found is not None and found.blob.tags:
                            yield container.name, found
                await asyncio.sleep(0)  # let other requests run


def _check_conditions(call: Call, found: Found) -> None:
    """Refuse a request whose conditions about the blob do not hold; here their headers have special names."""
    prefix = "x-ms-blob-"
    given = {
        name.removeprefix(prefix): value for name, value in call.request.headers.items() if name.startswith(prefix)
    }
    conditions.check(given, etag=found.etag, modified=found.entry.modified, read=False)


def _place(container: str, found: Found) -> str:
    return f"{container}/{found.place.name}"


def _item(container: str, found: Found, keys: frozenset[str]) -> str:
    """A blob with the tags that the search names."""
    shown = {key: value for key, value in found.blob.tags.items() if key in keys}
    return (
        f"<Blob>{documents.named('Name', found.place.name, encoded=False)}<ContainerName>{container}</ContainerName>"
        f"{tags.element(shown)}</Blob>"
    )
