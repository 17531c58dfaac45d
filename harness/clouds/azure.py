"""Microsoft's cloud, or a private cloud with the same API."""

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
    """Open the cloud of the user's subscription.

    Args:
        settings: credentials and addresses.
        cassettes: the directory of all cassettes.
        record: write a cassette for each session.
        run: the identity of the run.
        service: determines the required settings: only Batch AI's nodes have an administrator.
        workspace: resource group and name of an existing workspace.

    Raises:
        SettingsError: a required setting has no value.
    """

    def credential(transport: RequestsTransport) -> TokenCredential:
        if settings.client_secret is None:
            return DefaultAzureCredential(transport=transport, retry_total=0)
        return ClientSecretCredential(
            settings.require("tenant_id"),
            settings.require("client_id"),
            settings.require("client_secret"),
            transport=transport,
            retry_total=0,  # the transport retries
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
