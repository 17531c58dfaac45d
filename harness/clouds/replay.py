"""The cloud of recorded responses, without network, credentials or waiting."""

from pathlib import Path
from typing import Any

import requests
from azure.core.credentials import AccessToken

from harness.clock import SteppingClock
from harness.clouds.retry_policy import REPLAY
from harness.clouds.sdk import PLACEHOLDERS, SdkCloud
from harness.recording import ReportUnused

_POLL_SECONDS = 0.5  # on a stepping clock; no recording polls faster, so no limit is reached too early
_NEVER = 1 << 40  # seconds since 1970


class ReplayCredential:
    """A credential without sign-in, because a replay needs no token."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ARG002 - the SDK's own signature
        """Return a meaningless token that does not expire."""
        return AccessToken("replay", _NEVER)


def replay_cloud(cassettes: Path, report_unused: ReportUnused | None = None) -> SdkCloud:
    """Open the cloud that responds from cassettes.

    Args:
        cassettes: the directory of the cassettes of a service.
        report_unused: called after a replay in which some of the recorded responses were not requested.
    """
    return SdkCloud(
        name="replay",
        facts=PLACEHOLDERS,
        clock=SteppingClock(),
        mode="replay",
        cassettes=cassettes,
        interval=_POLL_SECONDS,
        longest=_POLL_SECONDS,
        retry_policy=REPLAY,
        base=requests.Session,
        credential=lambda _transport: ReplayCredential(),
        report_unused=report_unused,
    )
