"""Sources of copies and renames: files and blobs of this emulator, named by their URLs.

By Microsoft's "Copy File" and "Copy Blob", the holder of the account's key or of a role may copy a file to a file, or a
blob to a blob, of the same account by the name of the source alone. All other callers, including those with a SAS, need
a SAS for the source in its URL, or a token for it in a separate header.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.access import (
    AccessLevel,
    AuthorizationContext,
    Grant,
    Policies,
    Target,
    check_sas,
)
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.bearer import BearerAuthority, action_of, check_intent
from harness.emulator.storage_service.entries import close
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.path_style import local_account

_LIMIT = 2048 * 3  # characters of a URL
_DOMAIN = ".core.windows.net"
_AUTHORIZATION = "x-ms-copy-source-authorization"


@dataclass(frozen=True, slots=True)
class Source:
    """An open file or blob: ``content`` are its content headers.

    ``smb`` and ``nfs`` are the properties of a file, ``blob`` is the record of a blob. ``shows_tags`` is whether the
    caller may read the blob's tags, too.
    """

    descriptor: int
    length: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    content_md5: str = ""
    smb: object = None
    nfs: object = None
    blob: object = None
    shows_tags: bool = False
    etag: str | None = None
    modified: datetime | None = None


Opener = Callable[[Target, bool], Source]


class CopySources:
    """The services from which files and blobs can be copied.

    Args:
        authority: validates tokens.
        delay: seconds for which a copy is pending before its bytes move.
    """

    def __init__(self, accounts: Accounts, authority: BearerAuthority, *, delay: float = 0.0) -> None:
        self._accounts = accounts
        self.authority = authority
        self.delay = delay
        self._openers: dict[Service, tuple[Opener, Callable[[Target], Policies], Callable[[Target], AccessLevel]]] = {}
        self._ports: dict[int, Service] = {}

    def add(
        self,
        service: Service,
        opener: Opener,
        policies: Callable[[Target], Policies],
        public_access: Callable[[Target], AccessLevel] = lambda _target: "",
    ) -> None:
        """Register a service as a source of copies.

        Args:
            opener: opens a target; its flag says whether dots at the end of names count.
            policies: the stored access policies of a share.
            public_access: the public access of a target's container.
        """
        self._openers[service] = (opener, policies, public_access)

    def add_port(self, service: Service, port: int) -> None:
        """Register the plain port of a service, where the path names the account."""
        self._ports[port] = service

    @contextmanager
    def open(self, call: Call, url: str, *, signed: bool = False, trailing_dots: bool = False) -> Iterator[Source]:
        """Open the file or blob that a URL names; it is closed at the end.

        Args:
            call: the request that copies.
            signed: whether the URL needs a signature even in the caller's own account.
            trailing_dots: whether dots at the end of a name belong to it.

        Raises:
            StorageError: the URL is not valid, or its target does not exist or may not be read by the caller.
        """
        target, query, scheme = self.parse(url)
        shows_tags = self._authorize_copy(call, target, query, scheme, signed=signed)
        opener = self._openers[target.service][0]
        try:
            source = opener(target, trailing_dots)
        except StorageError as error:
            raise errors.copy_source(error.status, str(error), source=error) from error
        try:
            yield replace(source, shows_tags=shows_tags)
        finally:
            close(source.descriptor)

    def parse(self, url: str, *, header: str = "x-ms-copy-source") -> tuple[Target, dict[str, str], str]:
        """The target that a URL names, its query, and its scheme.

        Args:
            header: the header that holds the URL.

        Raises:
            StorageError: the URL does not name a resource of this emulator.
        """
        parts = _split(url, header)
        service, account, path = self._parse_address(parts, header)
        share, _, below = path.partition("/")
        query = _query(parts.query)
        snapshot = query.get("sharesnapshot", query.get("snapshot", ""))
        if not (share and below) or "\0" in path:
            raise errors.invalid_header(header)
        version = query.get("versionid", "")
        return Target(service, account, share, below, snapshot, version=version), query, parts.scheme.lower()

    def _parse_address(self, parts: SplitResult, header: str) -> tuple[Service, str, str]:
        path = unquote(parts.path, errors="replace").lstrip("/")
        host = (parts.hostname or "").lower()
        if host.endswith(_DOMAIN):
            account, _, name = host.removesuffix(_DOMAIN).partition(".")
            service: Service | None = next((registered for registered in self._openers if registered == name), None)
        else:
            service = self._ports.get(_port(parts, header))
            account = local_account(host, service) if service else ""
            if not account:
                account, _, path = path.partition("/")
        if service is None:
            raise errors.copy_source(400, "The emulator copies from its own accounts only.")
        return service, account.removesuffix("-secondary"), path

    def authorize_rename(self, call: Call, target: Target, query: Mapping[str, str], scheme: str) -> None:
        """Authorize the move of a file or directory: by the account key, or by a SAS that may write it.

        Args:
            target: the file or directory that is moved.
            query: the query of the source URL; the SAS may also be in a separate header.
            scheme: the scheme of that URL.

        Raises:
            StorageError: the caller is not authorized.
        """
        authorization = call.request.headers.get("x-ms-file-rename-source-authorization", "")
        if "sig" not in query and authorization:
            query = _query(authorization.removeprefix("?"))
            if "sig" not in query:
                raise errors.malformed_authorization()
        if "sig" in query:
            self._check_sas(call, target, query, scheme, _object_grant(target, "w"))
        elif not call.credential.covers_account:
            raise errors.authentication_failed("The rename source needs its own shared access signature.")

    def _authorize_copy(
        self, call: Call, target: Target, query: Mapping[str, str], scheme: str, *, signed: bool
    ) -> bool:
        """Authorize a caller to read a source; returns whether that includes its tags (public access does not)."""
        account = self._accounts.get(target.account)
        if account is None:
            raise errors.copy_source(404, "The specified resource does not exist.", source=errors.not_found())
        if "sig" in query or _AUTHORIZATION in call.request.headers:
            try:
                if _AUTHORIZATION in call.request.headers:
                    return self._check_token(call, target)
                return "t" in self._check_sas(call, target, query, scheme, _object_grant(target, "r"))
            except StorageError as error:
                raise errors.copy_source(error.status, str(error), source=error) from error
        if not signed and call.credential.covers_account and _is_same_service(target, call.target):
            return call.credential.covers_tags
        if not self._is_public(target):
            # The copy would read the source anonymously, and Copy File reports a private source as missing.
            is_hidden = call.target.service == "file" and not signed
            refusal = errors.not_found() if is_hidden else errors.anonymous(self.authority.challenge)
            raise errors.copy_source(refusal.status, str(refusal), source=refusal)
        return False

    def _is_public(self, target: Target) -> bool:
        """Whether a source has public access.

        Raises:
            StorageError: the container is open, but its account forbids public access.
        """
        try:
            return bool(self._openers[target.service][2](target))
        except StorageError as error:
            raise errors.copy_source(error.status, str(error), source=error) from error

    def _check_token(self, call: Call, target: Target) -> bool:
        """Accept the token for the source. TLS is not required, since the request has other credentials, too.

        Returns:
            Whether the token covers the tags of the source, too.
        """
        if not call.request.headers[_AUTHORIZATION].lower().startswith("bearer "):
            raise errors.malformed_authorization()
        bearer = self.authority.read(call.request, target.service, target.account, header=_AUTHORIZATION)
        if target.service == "file":
            check_intent(call.request)
        self.authority.check_role(bearer.object_id, _object_grant(target, "r").action)
        return self.authority.covers_tags(bearer.object_id)

    def _check_sas(self, call: Call, target: Target, query: Mapping[str, str], scheme: str, grant: Grant) -> str:
        account = self._accounts.get(target.account)
        context = AuthorizationContext(
            account.keys if account else (), self.authority, self._openers[target.service][1](target), call.now
        )
        return check_sas(query, target, grant, context, call.request, scheme=scheme)


def _is_same_service(source: Target, target: Target) -> bool:
    return (source.account, source.service) == (target.account, target.service)


def _object_grant(target: Target, letter: str) -> Grant:
    return Grant(letter, "o", action_of(target.service, "", letters=letter, kind="o"))


def without_signature(url: str) -> str:
    """A URL without the signature of its SAS."""
    parts = _split(url, "x-ms-copy-source")
    pairs = [
        pair
        for pair in parts.query.split("&")
        if pair.partition("=")[0].lower() in ("sharesnapshot", "snapshot", "versionid")
    ]
    return urlunsplit(parts._replace(query="&".join(pairs)))


def _query(text: str) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(text, keep_blank_values=True)}


def _split(url: str, header: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise errors.invalid_header(header) from None
    if len(url) > _LIMIT or parts.scheme.lower() not in ("http", "https"):
        raise errors.invalid_header(header)
    return parts


def _port(parts: SplitResult, header: str) -> int:
    try:
        return parts.port or 0
    except ValueError:
        raise errors.invalid_header(header) from None
