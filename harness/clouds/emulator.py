"""The cloud of an emulator: canonical URLs through its proxy, with its own certificate authority."""

import secrets
from pathlib import Path

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential

from harness.clock import SystemClock
from harness.clouds.model import CloudFacts
from harness.clouds.retry_policy import LOCAL
from harness.clouds.run_identity import suffix_of
from harness.clouds.sdk import SdkCloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint

_POLL_SECONDS = 0.01
_LONGEST_POLL_SECONDS = 1.0


def emulator_cloud(
    endpoint: Endpoint,
    settings: Settings,
    *,
    cassettes: Path,
    record: bool,
    run: str,
    workspace: tuple[str, str] | None = None,
) -> SdkCloud:
    """Open the cloud of an emulator.

    Args:
        endpoint: the address and the credentials of the emulator.
        settings: a tenant, client or secret in the settings has precedence, so a wrong one is refused as by Azure.
        cassettes: the directory of all cassettes.
        record: write a cassette for each session.
        run: the identity of the run.
        workspace: resource group and name of an existing workspace.
    """
    secret = settings.client_secret

    def base() -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # the environment may name another proxy
        session.proxies = {"https": endpoint.proxy_url}
        session.verify = endpoint.ca_path
        return session

    def credential(transport: RequestsTransport) -> TokenCredential:
        return ClientSecretCredential(
            settings.tenant_id or endpoint.tenant_id,
            settings.client_id or endpoint.client_id,
            endpoint.client_secret if secret is None else secret.get_secret_value(),
            transport=transport,
            retry_total=0,  # the transport retries
        )

    return SdkCloud(
        name="emulator",
        facts=CloudFacts(
            subscription_id=endpoint.subscription_id,
            storage_account=endpoint.storage_account,
            storage_key="" if settings.storage_auth == "identity" else endpoint.storage_key,
            admin_user=settings.admin_user or "harness",
            admin_password=settings.require("admin_password") if settings.admin_password else secrets.token_urlsafe(18),
            run=run,
            suffix=suffix_of(run),
            directory=endpoint.directory,
        ),
        clock=SystemClock(),
        mode="record" if record else "live",
        cassettes=cassettes,
        interval=_POLL_SECONDS,
        longest=_LONGEST_POLL_SECONDS,
        retry_policy=LOCAL,
        base=base,
        credential=credential,
        workspace=workspace,
        injects=True,
        has_ended=endpoint.has_ended,
    )
