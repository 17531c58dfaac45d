"""The host of a storage service: addresses, credentials, the table of operations, common response headers."""

import logging
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from harness.clock import Clock
from harness.emulator.context import BodyStalledError, BodyTooLargeError, Request, Response
from harness.emulator.fault_targets import FaultTarget, InjectedError
from harness.emulator.guids import new_guid
from harness.emulator.storage_service import cors, errors, sas_headers
from harness.emulator.storage_service.access import AccessLevel, AuthorizationContext, Target, check
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.bearer import BearerAuthority
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.fault_responses import fault_error
from harness.emulator.storage_service.model import Policy, Service
from harness.emulator.storage_service.operations import Address, Call, Operations, grant_of
from harness.emulator.store import is_full
from harness.emulator.wire import storage_error

DEFAULT_VERSION = "2017-07-29"  # of requests that name no version
_ERROR_CODES = "2017-07-29"  # the first version with an error's code in a header, too
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SECONDARY = "-secondary"
_SERVERS = {"file": "Windows-Azure-File/1.0", "blob": "Windows-Azure-Blob/1.0"}
_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,1024}", re.ASCII)

_log = logging.getLogger(__name__)


class StorageHost:
    """One service for every account: ``{account}.{service}.core.windows.net``, or a path ``/{account}/...``.

    Args:
        service: ``file`` or ``blob``.
        operations: the table of its operations.
        unserved: names of Azure's operations that the emulator does not serve.
        snapshot_writes: names of the writing operations that a snapshot permits; None if the service has no snapshots
            of shares.
        unserved_headers: headers of features that the emulator does not serve, and that must not be ignored.
        unserved_parameters: query parameters of a PUT to which the same applies.
        authority: validates tokens.
        policies: the stored access policies of a share or container.
        check_target: refuses invalid names; called after a request is authorized.
        public_access: the public access of a target's container.
    """

    def __init__(
        self,
        service: Service,
        operations: Operations,
        *,
        unserved: Mapping[Address, str],
        snapshot_writes: frozenset[str] | None = None,
        unserved_headers: frozenset[str] = frozenset(),
        unserved_parameters: frozenset[str] = frozenset(),
        accounts: Accounts,
        authority: BearerAuthority,
        clock: Clock,
        policies: Callable[[Target], Sequence[Policy]],
        check_target: Callable[[Target], None],
        public_access: Callable[[Target], AccessLevel] = lambda _target: "",
    ) -> None:
        self.service = service
        self._public_access = public_access
        self._operations = operations
        self._unserved = unserved
        self._snapshot_writes = snapshot_writes
        self._unserved_headers = unserved_headers
        self._unserved_parameters = unserved_parameters
        self._accounts = accounts
        self._authority = authority
        self._clock = clock
        self._policies = policies
        self._check_target = check_target
        self._domain = f".{service}.core.windows.net"

    def plays(self, host: str) -> bool:
        """Whether a host is the primary or secondary endpoint of an account for this service."""
        name = host.removesuffix(self._domain).removesuffix(_SECONDARY)
        return host.endswith(self._domain) and self._accounts.get(name) is not None

    def malformed(self, message: str) -> Response:
        """The response to a malformed request."""
        return self._early_error(StorageError(400, "InvalidUri", message))

    def broken(self) -> Response:
        """The response when the emulator has failed."""
        return self._early_error(StorageError(500, "InternalError", "The emulator failed; see its log."))

    async def handle(self, request: Request) -> Response:
        """Handle a request at the account's host."""
        return await self.handle_target(request, self._account_target(request))

    def fault_target(self, request: Request) -> FaultTarget:
        """The share or container of a request."""
        return FaultTarget("storage", share=self._account_target(request).share)

    def refuse(self, request: Request, trouble: InjectedError) -> Response:
        """The response of an injected fault."""
        return self.refuse_target(request, trouble, self._account_target(request))

    async def handle_target(self, request: Request, target: Target, *, version: str = "") -> Response:
        """Handle a request for a target: authenticate it, and call the operation.

        Args:
            version: the version of the REST API, if the request is part of a batch that states it.
        """
        stated = version or request.headers.get("x-ms-version", "")
        request_id, version = new_guid(), version or _requested_version(request)
        try:
            if not _VERSION.fullmatch(version):
                version = DEFAULT_VERSION
                raise errors.invalid_header("x-ms-version")
            if request.method == "OPTIONS":  # browsers send it without credentials
                response = cors.preflight(request, self._cors_rules(target))
            else:
                response = await self._respond(request, target, version, stated)
        except StorageError as error:
            response = self._error_response(error, request_id, version)
        except BodyTooLargeError as error:
            response = self._error_response(errors.too_large(error.limit), request_id, version)
        except BodyStalledError:
            response = self._error_response(errors.timed_out(), request_id, version)
            response.headers.append(("connection", "close"))
        except OSError as error:
            refusal = errors.of_disk(error)
            if refusal is None:
                raise
            _log.warning("the disk refused %s of %s: %s", request.method, self.service, error.strerror)
            response = self._error_response(refusal, request_id, version)
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            _log.warning("the disk refused %s of %s: %s", request.method, self.service, error)
            response = self._error_response(errors.share_full(), request_id, version)
        response.headers += self._envelope(request_id, version, request.headers.get("x-ms-client-request-id", ""))
        if request.method != "OPTIONS" and (rules := self._cors_rules(target)):
            response.headers += cors.response_headers(request, response, rules)
        return response

    def _cors_rules(self, target: Target) -> tuple[cors.Rule, ...]:
        return cors.parse_rules(self._accounts.cors_rules(self.service, target.account))

    def refuse_target(self, request: Request, trouble: InjectedError, target: Target) -> Response:
        """The response of an injected fault to a request for a target."""
        request_id, version = new_guid(), _requested_version(request)
        response = self._error_response(fault_error(trouble, target), request_id, version)
        response.headers += self._envelope(request_id, version, request.headers.get("x-ms-client-request-id", ""))
        return response

    def _early_error(self, error: StorageError) -> Response:
        request_id = new_guid()
        response = self._error_response(error, request_id)
        response.headers += self._envelope(request_id, DEFAULT_VERSION, "")
        return response

    def _envelope(self, request_id: str, version: str, client_id: str) -> list[tuple[str, str]]:
        envelope = [
            ("x-ms-request-id", request_id),
            ("x-ms-version", version),
            ("server", f"{_SERVERS[self.service]} Microsoft-HTTPAPI/2.0"),
        ]
        if _CLIENT_ID.fullmatch(client_id):
            envelope.append(("x-ms-client-request-id", client_id))
        return envelope

    def _account_target(self, request: Request) -> Target:
        """The target of a request at the account's host."""
        return self.target(request, request.host.removesuffix(self._domain), request.path.lstrip("/"))

    def target(self, request: Request, account: str, path: str) -> Target:
        """The target of a request."""
        share, _, below = path.partition("/")
        query = request.query
        snapshot = query.get("sharesnapshot" if self.service == "file" else "snapshot", "")
        version = query.get("versionid", "") if self.service == "blob" else ""
        secondary = account.endswith(_SECONDARY)
        return Target(self.service, account.removesuffix(_SECONDARY), share, below, snapshot, secondary, version)

    async def _respond(self, request: Request, target: Target, version: str, stated: str) -> Response:
        level = "path" if target.path else "share" if target.share else "service"
        query = request.query
        name = (level, request.method, query.get("restype", "").lower(), query.get("comp", "").lower())
        operation = self._operations.get(name)
        account = self._accounts.get(target.account)
        now = self._clock.now()
        context = AuthorizationContext(
            account.keys if account else (),
            self._authority,
            lambda: self._policies(target),
            now + request.ahead,
            stated,
            lambda: self._public_access(target),
        )
        grant = operation.grant(self.service) if operation else grant_of(self.service, "", "r", "o")
        credential = check(request, target, grant, context)
        if credential.kind != "none":
            request.trust()
        if account is not None and account.https_only and request.scheme != "https":
            raise errors.https_required()
        if operation is None:
            raise errors.not_served(self._unserved[name]) if name in self._unserved else errors.unsupported()
        if not self._unserved_headers.isdisjoint(request.headers):
            raise errors.unsupported_header(min(self._unserved_headers & request.headers.keys()))
        if request.method == "PUT" and not self._unserved_parameters.isdisjoint(query):
            raise errors.unsupported_query(min(self._unserved_parameters & query.keys()))
        if request.method not in ("GET", "HEAD"):
            if target.secondary:
                raise errors.read_only()
            if target.snapshot and self._snapshot_writes is not None and operation.name not in self._snapshot_writes:
                raise errors.snapshot_read_only()
        self._check_target(target)
        if credential.kind == "service SAS":
            sas_headers.check(request.query)
        response = operation.handler(Call(request, target, version, now, credential))
        response = response if isinstance(response, Response) else await response
        if credential.kind == "service SAS":  # an account SAS does not sign these headers
            sas_headers.override(response, request.query)
        return response

    def _error_response(self, error: StorageError, request_id: str, version: str = DEFAULT_VERSION) -> Response:
        response = storage_error(
            error.status, error.code, str(error), request_id=request_id, now=self._clock.now(), detail=error.detail
        )
        if version < _ERROR_CODES:
            response.headers.remove(("x-ms-error-code", error.code))
        if error.status == 304:
            response.body = b""
        response.headers += error.headers
        return response


def _requested_version(request: Request) -> str:
    return request.headers.get("x-ms-version") or request.query.get("sv") or DEFAULT_VERSION
