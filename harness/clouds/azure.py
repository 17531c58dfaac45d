"""Microsoft's own endpoints, or a private cloud that speaks them."""

from pathlib import Path

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from harness.clock import SystemClock
from harness.clouds.model import CloudFacts
from harness.clouds.retry_policy import CLOUD
from harness.clouds.run_identity import suffix_of
from harness.clouds.sdk import SdkCloud
from harness.config import Settings
from harness.target import ServiceName

_POLL_SECONDS = 15.0


def azure_cloud(
    settings: Settings,
    *,
    cassettes: Path,
    record: bool,
    run: str,
    service: ServiceName,
    workspace: tuple[str, str] | None = None,
) -> SdkCloud:
    """The cloud of the user's own subscription.

    Args:
        settings: credentials and addresses.
        cassettes: the directory of all cassettes.
        record: write them.
        run: identity of the run.
        workspace: a workspace that is there, by its resource group and its name.
        service: decides which settings it needs: only Batch AI's nodes have an administrator.

    Raises:
        SettingsError: a setting that it needs has no value.
    """

    def credential(transport: RequestsTransport) -> TokenCredential:
        if settings.client_secret is None:
            return DefaultAzureCredential(transport=transport, retry_total=0)
        return ClientSecretCredential(
            settings.require("tenant_id"),
            settings.require("client_id"),
            settings.require("client_secret"),
            transport=transport,
            retry_total=0,  # the transport asks again
        )

    return SdkCloud(
        name="azure",
        facts=CloudFacts(
            subscription_id=settings.require("subscription_id"),
            storage_account=settings.require("storage_account"),
            storage_key="" if settings.storage_auth == "identity" else settings.require("storage_key"),
            admin_user=settings.require("admin_user") if service == "batchai" else "",
            admin_password=settings.require("admin_password") if service == "batchai" else "",
            run=run,
            suffix=suffix_of(run),
        ),
        clock=SystemClock(),
        mode="record" if record else "live",
        cassettes=cassettes,
        interval=_POLL_SECONDS,
        longest=_POLL_SECONDS,
        retry_policy=CLOUD,
        base=requests.Session,
        credential=credential,
        workspace=workspace,
    )
