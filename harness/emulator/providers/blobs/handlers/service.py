"""The blob service of an account: its properties, its containers, its kind."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.storage_service import documents, headers, leases
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import Container, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import etag, http_date

_RETENTION = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
_METRICS = f"<Version>1.0</Version><Enabled>false</Enabled>{_RETENTION}"
_DEFAULTS = {
    "Logging": "<Logging><Version>1.0</Version><Delete>false</Delete><Read>false</Read><Write>false</Write>"
    f"{_RETENTION}</Logging>",
    "HourMetrics": f"<HourMetrics>{_METRICS}</HourMetrics>",
    "MinuteMetrics": f"<MinuteMetrics>{_METRICS}</MinuteMetrics>",
    "Cors": "<Cors />",
    "DefaultServiceVersion": "",
    "DeleteRetentionPolicy": "<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>",
    "StaticWebsite": "<StaticWebsite><Enabled>false</Enabled></StaticWebsite>",
}


class ServiceHandlers:
    """Operations on the service of an account."""

    def __init__(self, containers: Containers, accounts: Accounts) -> None:
        self._containers = containers
        self._accounts = accounts

    def get_properties(self, call: Call) -> Response:
        """Get Blob Service Properties."""
        settings = self._accounts.settings("blob", call.target.account)
        return documents.response(documents.settings_document(_DEFAULTS | settings.elements))

    async def set_properties(self, call: Call) -> Response:
        """Set Blob Service Properties: settings that are not in the body do not change."""
        changed = documents.settings(await call.request.read(documents.LIMIT), _DEFAULTS)
        settings = self._accounts.settings("blob", call.target.account)
        self._accounts.keep_settings(
            "blob", call.target.account, replace(settings, elements=settings.elements | changed)
        )
        return Response(202)

    def get_account(self, call: Call) -> Response:
        """Get Account Information."""
        account = self._accounts.get(call.target.account)
        sku, kind = (account.sku, account.kind) if account else ("", "")
        return Response(
            200, headers=[("x-ms-sku-name", sku), ("x-ms-account-kind", kind), ("x-ms-is-hns-enabled", "false")]
        )

    def list_containers(self, call: Call) -> Response:
        """List Containers."""
        request, account = call.request, call.target.account
        prefix = request.query.get("prefix", "")
        include = headers.included(request)
        containers = [container for _, container in self._containers.store.list(Container, share_key(account, prefix))]
        page, more = headers.page(containers, lambda container: container.name, request)
        items = "".join(_item(container, call, metadata="metadata" in include) for container in page)
        return documents.response(
            f'<EnumerationResults ServiceEndpoint="https://{account}.blob.core.windows.net/">'
            + documents.listing_parameters(request)
            + f"<Containers>{items}</Containers>{documents.next_marker(more)}</EnumerationResults>"
        )


def _item(container: Container, call: Call, *, metadata: bool) -> str:
    names = {"lease-status": "LeaseStatus", "lease-state": "LeaseState", "lease-duration": "LeaseDuration"}
    properties = [
        ("Last-Modified", http_date(container.changed)),
        ("Etag", etag(container.changed)),
        *((names[name], value) for name, value in leases.describe(container.lease, call.now)),
        *([("PublicAccess", container.access)] if container.access else []),
        ("HasImmutabilityPolicy", "false"),
        ("HasLegalHold", "false"),
        ("ImmutableStorageWithVersioningEnabled", "false"),
        ("DefaultEncryptionScope", "$account-encryption-key"),
        ("DenyEncryptionScopeOverride", "false"),
    ]
    inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in properties)
    metadata_element = documents.metadata_element(container.metadata) if metadata else ""
    return f"<Container><Name>{container.name}</Name><Properties>{inner}</Properties>{metadata_element}</Container>"
