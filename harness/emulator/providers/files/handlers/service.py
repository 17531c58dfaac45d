"""The file service of an account: its properties and its shares."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import share_properties
from harness.emulator.providers.files.share_properties import ResponseContext
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import documents, headers
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import DeletedShare, Share, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import etag, http_date

_METRICS = "<Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
_DEFAULTS = {
    "HourMetrics": f"<HourMetrics>{_METRICS}</HourMetrics>",
    "MinuteMetrics": f"<MinuteMetrics>{_METRICS}</MinuteMetrics>",
    "Cors": "<Cors />",
    "ProtocolSettings": "<ProtocolSettings><SMB><Multichannel><Enabled>false</Enabled></Multichannel></SMB>"
    "</ProtocolSettings>",
}


class ServiceHandlers:
    """Operations on the service of an account."""

    def __init__(self, shares: Shares, accounts: Accounts) -> None:
        self._shares = shares
        self._accounts = accounts

    def get_properties(self, call: Call) -> Response:
        """Get File Service Properties."""
        elements = _DEFAULTS | self._accounts.settings("file", call.target.account).elements
        if call.version < "2020-02-10":
            del elements["ProtocolSettings"]
        return documents.response(documents.settings_document(elements))

    async def set_properties(self, call: Call) -> Response:
        """Set File Service Properties: settings that the body omits do not change."""
        changed = documents.settings(await call.request.read(documents.LIMIT), _DEFAULTS)
        settings = self._accounts.settings("file", call.target.account)
        self._accounts.keep_settings(
            "file", call.target.account, replace(settings, elements=settings.elements | changed)
        )
        return Response(202)

    def list_shares(self, call: Call) -> Response:
        """List Shares."""
        request, account = call.request, call.target.account
        prefix = request.query.get("prefix", "")
        include = headers.included(request)
        items: list[Share | DeletedShare] = [
            share
            for _, share in self._shares.store.list(Share, share_key(account, prefix))
            if not share.snapshot or "snapshots" in include
        ]
        if "deleted" in include:
            deleted_shares = self._shares.store.list(DeletedShare, share_key(account, prefix))
            items += [deleted for _, deleted in deleted_shares if deleted.days_left(call.now)]
        items.sort(key=_order)
        page, more = headers.page(items, _order, request)
        premium = share_properties.is_premium(self._accounts.get(account))
        context = ResponseContext(premium, call.version, call.now)
        shares = "".join(_item(item, context, metadata="metadata" in include) for item in page)
        return documents.response(
            f'<EnumerationResults ServiceEndpoint="https://{account}.file.core.windows.net/">'
            + documents.listing_parameters(request)
            + f"<Shares>{shares}</Shares>{documents.next_marker(more)}</EnumerationResults>"
        )


def _order(item: Share | DeletedShare) -> str:
    if isinstance(item, DeletedShare):
        return f"{item.share.name} !{item.version}"
    return f"{item.name} {item.snapshot or '~'}"


def _item(item: Share | DeletedShare, context: ResponseContext, *, metadata: bool) -> str:
    share = item.share if isinstance(item, DeletedShare) else item
    snapshot = f"<Snapshot>{share.snapshot}</Snapshot>" if share.snapshot else ""
    deletion = f"<Deleted>true</Deleted><Version>{item.version}</Version>" if isinstance(item, DeletedShare) else ""
    properties = [
        ("Last-Modified", http_date(share.changed)),
        ("Etag", etag(share.changed)),
        *share_properties.elements(share, context),
    ]
    if isinstance(item, DeletedShare):
        days_left = str(item.days_left(context.now))
        properties += [("DeletedTime", http_date(item.deleted)), ("RemainingRetentionDays", days_left)]
    inner = "".join(f"<{name}>{documents.text(value)}</{name}>" for name, value in properties)
    metadata_xml = documents.metadata_element(share.metadata) if metadata else ""
    return f"<Share><Name>{share.name}</Name>{snapshot}{deletion}<Properties>{inner}</Properties>{metadata_xml}</Share>"
