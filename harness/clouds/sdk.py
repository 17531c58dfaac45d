"""SDK clients over the one session that records, replays, or does neither."""

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

# Recordings put these in place of a subscription's own values, so a replay asks for them.
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
        """Send and read the answer whole: the SDKs would read some of them where nothing asks again."""
        return super().send(request, **(options | {"stream": False}))

    def sleep(self, duration: float) -> None:
        """Let time pass between two requests."""
        self._clock.sleep(duration)


@dataclass(frozen=True)
class SdkCloud:
    """A cloud that the Azure SDKs reach.

    Attributes:
        interval: seconds between two polls, at first.
        longest: seconds between two polls at most.
        base: makes the real session; not called in replay.
        retry_policy: how often the clients of this cloud ask again, and when.
        credential: signs in over the given transport.
        injects: whether faults can be ordered there.
        has_ended: whether nobody will ever answer again; then nothing is asked again.
        report_unused: called after a replay in which some of the recorded responses were not requested.
        workspace: resource group and name of a workspace that is there; recordings name another in its place.
        recorded_for: the test that records right now; empty where nobody knows.
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
        """How to wait there."""
        return Poller(self.clock, self.interval, self.longest)

    @contextmanager
    def clients(self, cassette: str, *, source: Path | None = None) -> Iterator[Clients]:
        """Clients for one session; without recording or replay, all sessions share the clients of the first.

        Raises:
            CassetteError: the cassette is missing (replay), or would replace that of another session (record).
        """
        if self.mode == "live":
            yield self._lasting
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
            recorded = recorded_provenance(session)
            yield replace(self._clients(session), recorded=recorded)

    def inject(self, plan: FaultPlan) -> None:
        """Have the faults of a plan injected until it is withdrawn, where that can be ordered.

        Raises:
            ProvisioningError: the emulator does not take the plan.
        """
        if self.injects:
            self._order(faults.put, plan)

    def withdraw(self, plan: FaultPlan) -> None:
        """Have them injected no longer."""
        if self.injects:
            self._order(faults.delete, plan)

    def _order(self, order: Callable[[FaultPlan, requests.Session, TokenCredential], None], plan: FaultPlan) -> None:
        # Over a session of its own: that a recording was made under faults shows in what it answers.
        with filtered_loggers(), self._patient(self.base()) as session:
            order(plan, session, self.credential(ClockTransport(session, self.clock)))

    def _recording(self, cassette: Path, source: Path | None) -> AbstractContextManager[dict[str, str]]:
        """What the provenance of a recording says of its source; nothing for a replay."""
        if self.mode != "record":
            return nullcontext({})
        test = Scrubber(self._replacements()).text(self.recorded_for())  # its parameters may hold anything
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
        """What ``close`` ends."""
        return ExitStack()

    @cached_property
    def _lasting(self) -> Clients:
        """Sign in and connect once: a sweep has hundreds of sessions."""
        self._open.enter_context(filtered_loggers())
        clients = self._clients(self.base())
        self._open.callback(clients.session.close)
        return clients

    def close(self) -> None:
        """End the connections of a cloud that is no longer used."""
        self._open.close()

    def _clients(self, session: requests.Session) -> Clients:
        transport = ClockTransport(self._patient(session), self.clock)
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

        # Code under test that is recorded brings SDKs of its own; those of the harness need not be installed for it.
        def make_resources() -> "ResourceManagementClient":
            module = import_module("azure.mgmt.resource.resources")
            return make(module.ResourceManagementClient)

        def make_files() -> "FileService":
            if not self.facts.storage_key:
                raise SettingsError("the setting storage_auth is identity, and file shares are reached by key alone")
            module = import_module("azure.storage.file")
            files = module.FileService(self.facts.storage_account, self.facts.storage_key, request_session=session)
            files.retry = import_module("azure.storage.common.retry").no_retry
            return files

        return Clients(make_resources, make_files, session, self.poller, self.retry_policy, make, make_storage)

    def _patient(self, session: requests.Session) -> requests.Session:
        """The session, whose requests are sent again; the SDKs' own ways of doing that are many, and are left out."""
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
        mine, theirs = vars(self.facts), vars(PLACEHOLDERS)
        own = {mine[name]: theirs[name] for name in mine if mine[name] != theirs[name]}
        return own | dict(workspace_replacements(*self.workspace) if self.workspace else {})
