"""SDK clients over a session that records, replays, or does neither."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport._requests_basic import RequestsTransport

from harness.clock import Clock
from harness.clouds import faults
from harness.clouds.model import Clients, CloudFacts, Poller
from harness.clouds.recent_writes import RecentWrites
from harness.clouds.recorded_workspace import PROVENANCE, workspace_replacements
from harness.clouds.remaining_requests import RemainingRequests
from harness.clouds.retry_adapter import RetryAdapter
from harness.clouds.retry_policy import RetryPolicy
from harness.clouds.sdk_loggers import filtered_loggers
from harness.clouds.tokens import RenewableCredential, RenewingPolicy
from harness.errors import SettingsError
from harness.fault_plans import FaultPlan
from harness.recording import Recordings, RecordMode, ReportUnused, cassette_path, open_session, recorded_provenance
from harness.recording.scrub import Scrubber

if TYPE_CHECKING:
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.storage.file import FileService

_SCOPE = "https://management.azure.com/.default"

# Recordings replace the values of the subscription by these, so a replay requests these.
PLACEHOLDERS = CloudFacts(
    subscription_id="00000000-0000-0000-0000-000000000000",
    storage_account="harnessstorage",
    storage_key="cmVwbGF5",
    admin_user="harness",
    admin_password="replay",  # noqa: S106
    run="replay",
    suffix="replayed",
)


class ClockTransport(RequestsTransport):
    """A transport whose pauses, between polls and retries, pass on the cloud's clock."""

    def __init__(self, session: requests.Session, clock: Clock) -> None:
        super().__init__(session=session, session_owner=False, connection_verify=session.verify)
        self._clock = clock

    def send(self, request: Any, **options: Any) -> Any:
        """Send a request and read the complete response: the SDKs read some bodies later, when nothing retries."""
        return super().send(request, **(options | {"stream": False}))

    def sleep(self, duration: float) -> None:
        """Sleep on the cloud's clock."""
        self._clock.sleep(duration)


@dataclass(frozen=True)
class SdkCloud:
    """A cloud that is accessed with the Azure SDKs.

    Attributes:
        interval: the first pause between polls, in seconds.
        longest: the longest pause between polls, in seconds.
        base: creates the real session; not called in replay.
        retry_policy: the retries of all clients of this cloud.
        credential: signs in over the given transport.
        injects: whether this cloud can inject faults.
        has_ended: whether the cloud can never respond again; then nothing is retried.
        report_unused: called after a replay in which some of the recorded responses were not requested.
        workspace: resource group and name of an existing workspace; recordings contain a substitute.
        recorded_for: returns the test that is recording; empty if it is unknown.
    """

    name: str
    facts: CloudFacts
    clock: Clock
    mode: RecordMode
    cassettes: Path
    interval: float
    longest: float
    retry_policy: RetryPolicy
    base: Callable[[], requests.Session]
    credential: Callable[[RequestsTransport], TokenCredential]
    report_unused: ReportUnused | None = None
    injects: bool = False
    has_ended: Callable[[], bool] = bool
    workspace: tuple[str, str] | None = None
    recorded_for: Callable[[], str] = str

    @property
    def poller(self) -> Poller:
        """Polls on the clock of the cloud."""
        return Poller(self.clock, self.interval, self.longest)

    @contextmanager
    def clients(self, cassette: str, *, source: Path | None = None) -> Iterator[Clients]:
        """Open the clients of one session; without recording or replay, all sessions share the clients of the first.

        Raises:
            CassetteError: the cassette is missing (replay), or would replace that of another session (record).
        """
        if self.mode == "live":
            yield self._shared_clients
            return
        path = cassette_path(self.cassettes, cassette)
        with (
            filtered_loggers(),
            self._recording(path, source) as recorded_for,
            open_session(
                path,
                self.mode,
                replacements=self._replacements(),
                base=self.base,
                provenance={"cloud": self.name, **recorded_for, **({PROVENANCE: "existing"} if self.workspace else {})},
                report_unused=self.report_unused,
            ) as session,
        ):
            provenance = recorded_provenance(session)
            yield replace(self._clients(session), provenance=provenance)

    def inject(self, plan: FaultPlan) -> None:
        """Start to inject the faults of a plan, if this cloud can inject faults.

        Raises:
            ProvisioningError: the emulator refuses the plan.
        """
        if self.injects:
            self._send_plan(faults.put, plan)

    def withdraw(self, plan: FaultPlan) -> None:
        """Stop injecting the faults of a plan."""
        if self.injects:
            self._send_plan(faults.delete, plan)

    def _send_plan(self, send: Callable[[FaultPlan, requests.Session, TokenCredential], None], plan: FaultPlan) -> None:
        # A separate session keeps requests about faults out of the recording.
        with filtered_loggers(), self._with_retries(self.base()) as session:
            send(plan, session, self.credential(ClockTransport(session, self.clock)))

    def _recording(self, cassette: Path, source: Path | None) -> AbstractContextManager[dict[str, str]]:
        """Yield the entry of the provenance that names the source of a recording; empty in a replay."""
        if self.mode != "record":
            return nullcontext({})
        test = Scrubber(self._replacements()).text(self.recorded_for())  # its parameters may contain a secret
        return self._recordings.recording(cassette, source, test)

    @cached_property
    def _recordings(self) -> Recordings:
        return Recordings(self.cassettes)

    @cached_property
    def _recent_writes(self) -> RecentWrites:
        return RecentWrites(self.clock)

    @cached_property
    def _remaining(self) -> RemainingRequests:
        return RemainingRequests(self.clock)

    @cached_property
    def _open(self) -> ExitStack:
        """Ends the sessions that are open until ``close``."""
        return ExitStack()

    @cached_property
    def _shared_clients(self) -> Clients:
        """The clients of all live sessions: a sweep with hundreds of sessions signs in and connects once."""
        self._open.enter_context(filtered_loggers())
        clients = self._clients(self.base())
        self._open.callback(clients.session.close)
        return clients

    def close(self) -> None:
        """Close the connections of the cloud."""
        self._open.close()

    def _clients(self, session: requests.Session) -> Clients:
        transport = ClockTransport(self._with_retries(session), self.clock)
        credential = RenewableCredential(lambda: self.credential(transport))
        subscription = self.facts.subscription_id
        options = {"transport": transport, "polling_interval": self.interval, "retry_total": 0}

        def make(kind: type[Any]) -> Any:
            policy = RenewingPolicy(credential, _SCOPE, retry_policy=self.retry_policy, clock=self.clock)
            return kind(credential, subscription, authentication_policy=policy, **options)

        def make_storage(kind: type[Any], service: str) -> Any:
            account = self.facts.storage_account
            key = {"account_name": account, "account_key": self.facts.storage_key}
            address = f"https://{account}.{service}.core.windows.net"
            signing = key if self.facts.storage_key else credential
            return kind(address, credential=signing, transport=transport, retry_total=0)

        # Recorded code under test may use other SDKs, so those of the harness are imported only when they are used.
        def make_resources() -> "ResourceManagementClient":
            module = import_module("azure.mgmt.resource.resources")
            return make(module.ResourceManagementClient)

        def make_files() -> "FileService":
            if not self.facts.storage_key:
                raise SettingsError("the setting storage_auth is identity, but file shares are accessible by key only")
            module = import_module("azure.storage.file")
            files = module.FileService(self.facts.storage_account, self.facts.storage_key, request_session=session)
            files.retry = import_module("azure.storage.common.retry").no_retry
            return files

        return Clients(make_resources, make_files, session, self.poller, self.retry_policy, make, make_storage)

    def _with_retries(self, session: requests.Session) -> requests.Session:
        """Add retries to a session; the various retries of the SDKs are disabled."""
        adapter = RetryAdapter(
            session.get_adapter("https://"),
            retry_policy=self.retry_policy,
            clock=self.clock,
            recent_writes=self._recent_writes,
            remaining=self._remaining,
            has_ended=self.has_ended,
        )
        session.mount("https://", adapter)
        return session

    def _replacements(self) -> Mapping[str, str]:
        facts, placeholders = vars(self.facts), vars(PLACEHOLDERS)
        replacements = {facts[name]: placeholders[name] for name in facts if facts[name] != placeholders[name]}
        return replacements | dict(workspace_replacements(*self.workspace) if self.workspace else {})
