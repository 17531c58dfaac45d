"""Containers: create, delete, properties, metadata, access policies, leases."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import container_exists
from harness.emulator.providers.blobs.public_access import PublicAccess
from harness.emulator.storage_service import conditions, documents, errors, headers, leases
from harness.emulator.storage_service.lease_requests import apply_request, lease_response
from harness.emulator.storage_service.model import Container, new_content, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import etag, http_date

# Headers by which the service reports that a container lacks features; the emulator does not implement them.
_PROTECTION = (
    ("x-ms-has-immutability-policy", "false"),
    ("x-ms-has-legal-hold", "false"),
    ("x-ms-immutable-storage-with-versioning-enabled", "false"),
    ("x-ms-default-encryption-scope", "$account-encryption-key"),
    ("x-ms-deny-encryption-scope-override", "false"),
)


class ContainerHandlers:
    """Operations on one container."""

    def __init__(self, containers: Containers, public: PublicAccess) -> None:
        self._containers = containers
        self._public = public

    def create(self, call: Call) -> Response:
        """Create Container."""
        account, name = call.target.account, call.target.share
        if self._containers.store.get(Container, share_key(account, name)):
            raise container_exists()
        for header, value in _PROTECTION:  # a request for such a feature is refused, not ignored
            if call.request.headers.get(header, value).lower() != value:
                raise errors.unsupported_header(header)
        container = Container(name, call.now, headers.metadata(call.request), access=self._access(call))
        with self._containers.roots.creating(account, name) as directory:
            container = replace(container, directory=directory, content=new_content())
            self._containers.put_container(call.target, container)
        return Response(201, headers=_stamps(container))

    def get(self, call: Call) -> Response:
        """Get Container Properties, and Get Container Metadata."""
        container = self._checked_container(call, change=False)
        fields = [*_stamps(container), *headers.metadata_headers(container.metadata)]
        fields += leases.headers(container.lease, call.now)
        if container.access:
            fields.append(("x-ms-blob-public-access", container.access))
        return Response(200, headers=[*fields, *_PROTECTION])

    async def delete(self, call: Call) -> Response:
        """Delete Container."""
        await self._containers.wait_for_changes(call.target)
        container = self._checked_container(call, change=True)
        self._containers.remove(call.target.account, call.target.share, container)
        return Response(202)

    def set_metadata(self, call: Call) -> Response:
        """Set Container Metadata."""
        return self._change(call, metadata=headers.metadata(call.request))

    def get_policies(self, call: Call) -> Response:
        """Get Container ACL."""
        container = self._checked_container(call, change=False)
        fields = _stamps(container)
        if container.access:
            fields.append(("x-ms-blob-public-access", container.access))
        return documents.response(documents.policies_document(container.policies), headers=fields)

    async def set_policies(self, call: Call) -> Response:
        """Set Container ACL."""
        policies = documents.policies(await call.request.read(documents.LIMIT))
        return self._change(call, policies=policies, access=self._access(call))

    def lease(self, call: Call) -> Response:
        """Lease Container."""
        container = self._containers.container(call.target)
        _check_conditions(call, container)
        action, lease = apply_request(call, container.lease, endless=False)
        self._containers.put_container(call.target, replace(container, lease=lease))
        return lease_response(action, lease, call.now, _stamps(container))

    def _access(self, call: Call) -> str:
        text = call.request.headers.get("x-ms-blob-public-access", "").lower()
        if text not in ("", "blob", "container"):
            raise errors.invalid_header("x-ms-blob-public-access")
        if text:
            self._public.check_allowed(call.target.account)
        return text

    def _checked_container(self, call: Call, *, change: bool) -> Container:
        container = self._containers.container(call.target)
        lease_id = call.request.headers.get("x-ms-lease-id", "")
        # A lease protects a container from deletion, not from changes.
        only_deletion = change and call.request.method == "DELETE"
        leases.check(container.lease, lease_id, call.now, noun="Container", change=only_deletion)
        if change:
            _check_conditions(call, container)
        return container

    def _change(self, call: Call, **fields: object) -> Response:
        container = replace(self._checked_container(call, change=True), changed=call.now, **fields)
        self._containers.put_container(call.target, container)
        return Response(200, headers=_stamps(container))


def _check_conditions(call: Call, container: Container) -> None:
    conditions.check(call.request.headers, etag=etag(container.changed), modified=container.changed, read=False)


def _stamps(container: Container) -> list[tuple[str, str]]:
    return [("etag", etag(container.changed)), ("last-modified", http_date(container.changed))]
