"""Index tags: get, set, and search blobs by tags."""

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tag_expressions, tags
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob, blob_key
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import bodies, conditions, documents, errors, headers
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Container, share_key
from harness.emulator.storage_service.operations import Call

_BATCH = 500  # records read before other requests may run
_LIMIT = 64 << 10  # bytes of a body, enough for ten tags


class TagHandlers:
    """Get Blob Tags, Set Blob Tags and Find Blobs by Tags."""

    def __init__(self, containers: Containers, history: History) -> None:
        self._containers = containers
        self._history = history

    def get(self, call: Call) -> Response:
        """Get Blob Tags."""
        blob = self._history.blob(call)
        _check_conditions(call, blob)
        return documents.response(tags.element(blob.record.tags))

    async def set(self, call: Call) -> Response:
        """Set Blob Tags, in place of the previous ones; neither the ETag nor the version changes."""
        if call.target.snapshot:
            raise errors.invalid_query("snapshot")
        body = await bodies.gather(call.request, limit=_LIMIT)
        new_tags = tags.parse_body(b"".join(body.parts))
        async with self._containers.changing(call):
            blob = self._history.find(call.target)
            if blob is None:
                raise blob_not_found()
            self._containers.admit(call, blob, change=True)
            _check_conditions(call, blob)
            record = replace(blob.record, tags=new_tags)
            if blob.earlier is None:
                self._containers.put_record(StoredBlob(blob.path, blob.entry, record))
            else:
                state = replace(blob.earlier, blob=replace(blob.earlier.blob, tags=new_tags))
                self._history.put_states(blob.path, {state.id: state})
        return Response(204)

    async def find(self, call: Call) -> Response:
        """Find Blobs by Tags, in an account or a container."""
        request, account = call.request, call.target.account
        where = request.query.get("where")
        if where is None:
            raise errors.missing_query("where")
        try:
            search = tag_expressions.parse_search(where)
        except tag_expressions.ExpressionError as error:
            raise StorageError(400, "InvalidQueryParameterValue", str(error)) from error
        matches: list[tuple[str, StoredBlob]] = []
        size, more = headers.page_size(request), ""
        async for container, blob in self._tagged(call, documents.marker(request)):
            if not search.holds(blob.record.tags | {tag_expressions.CONTAINER: container}):
                continue
            if len(matches) == size:
                more = _marker(*matches[-1])
                break
            matches.append((container, blob))
        parameters = "".join(
            f"<{tag}>{documents.text(request.query[tag.lower()])}</{tag}>"
            for tag in ("Where", "MaxResults")
            if tag.lower() in request.query
        )
        return documents.response(
            f'<EnumerationResults ServiceEndpoint="https://{account}.blob.core.windows.net/">{parameters}'
            f"<Blobs>{''.join(_item(*match, search.keys) for match in matches)}</Blobs>{documents.next_marker(more)}"
            "</EnumerationResults>"
        )

    async def _tagged(self, call: Call, marker: str) -> AsyncIterator[tuple[str, StoredBlob]]:
        """Yield every blob that has tags, with its container's name, in the order of names.

        Args:
            marker: the container and the blob after which the page begins; empty for the first page.
        """
        target, store = call.target, self._containers.store
        if target.share:
            containers = [self._containers.container(target)]
        else:
            containers = [record for _, record in store.list(Container, share_key(target.account, ""))]
        last_container, _, last_name = marker.partition("/")
        for container in containers:
            if container.name < last_container:
                continue
            prefix = blob_key(target.account, container.content, "")
            after = prefix + last_name if container.name == last_container else ""
            tree = self._containers.tree(target.account, container.name)
            while records := store.list(Blob, prefix, after=after, limit=_BATCH):
                for key, record in records:
                    after = key
                    if record.tags or record.previous:
                        name = key.removeprefix(prefix)
                        path = BlobPath(target.account, container.content, name, tree, name.split("/"))
                        blob = self._containers.find(path)
                        if blob is not None and blob.record.tags:
                            yield container.name, blob
                await asyncio.sleep(0)  # let other requests run


def _check_conditions(call: Call, blob: StoredBlob) -> None:
    """Refuse a request whose conditions on the blob do not hold; the headers of tag operations have a prefix."""
    prefix = "x-ms-blob-"
    request_conditions = {
        name.removeprefix(prefix): value for name, value in call.request.headers.items() if name.startswith(prefix)
    }
    conditions.check(request_conditions, etag=blob.etag, modified=blob.entry.modified, read=False)


def _marker(container: str, blob: StoredBlob) -> str:
    return f"{container}/{blob.path.name}"


def _item(container: str, blob: StoredBlob, keys: frozenset[str]) -> str:
    """Return a blob with the tags that the search names."""
    search_tags = {key: value for key, value in blob.record.tags.items() if key in keys}
    name = documents.name_element("Name", blob.path.name, encoded=False)
    return f"<Blob>{name}<ContainerName>{container}</ContainerName>{tags.element(search_tags)}</Blob>"
