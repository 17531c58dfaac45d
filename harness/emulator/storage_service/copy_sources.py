"""Sources of copies and renames: files and blobs of this emulator, named by their URLs.

By Microsoft's "Copy File" and "Copy Blob", the holder of the account's key or of a role may copy a file to a file, or a
blob to a blob, of the same account by the name of the source alone. Everybody else, callers by SAS included, needs a
SAS in the URL that grants the source, or a token for it in a header of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.access import Grant, Judge, Openness, Policies, Target, check_sas
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

    ``smb`` and ``nfs`` are the properties of a file there, ``blob`` is the record of a blob. ``shows_tags`` is whether
    the caller may read its tags, too.
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
        authority: judges tokens.
        delay: seconds for which a copy is pending before its bytes move.
    """

    def __init__(self, accounts: Accounts, authority: BearerAuthority, *, delay: float = 0.0) -> None:
        self._accounts = accounts
        self.authority = authority
        self.delay = delay
        self._openers: dict[Service, tuple[Opener, Callable[[Target], Policies], Callable[[Target], Openness]]] = {}
        self._ports: dict[int, Service] = {}

    def add(
        self,
        service: Service,
        opener: Opener,
        policies: Callable[[Target], Policies],
        openness: Callable[[Target], Openness] = lambda _target: "",
    ) -> None:
        """Copy from a service.

        Args:
            opener: opens what a target names; its flag says whether dots at the end of names count.
            policies: the stored access policies of a share.
            openness: how open a target's container is to everybody.
        """
        self._openers[service] = (opener, policies, openness)

    def listens(self, service: Service, port: int) -> None:
        """Register a service that answers at a plain port, with the account in the path."""
        self._ports[port] = service

    @contextmanager
    def open(self, call: Call, url: str, *, signed: bool = False, trailing_dots: bool = False) -> Iterator[Source]:
        """Open what a URL names, closed at the end.

        Args:
            call: the request that copies.
            signed: the URL must carry a signature; otherwise it may name the caller's own account without.
            trailing_dots: dots at the end of a name are part of it.

        Raises:
            StorageError: it is no such URL, not readable by the caller, or there is nothing.
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
            StorageError: it is not one of this emulator's.
        """
        parts = _split(url, header)
        service, account, path = self._place(parts, header)
        share, _, below = path.partition("/")
        query = _query(parts.query)
        snapshot = query.get("sharesnapshot", query.get("snapshot", ""))
        if not (share and below) or "\0" in path:
            raise errors.invalid_header(header)
        version = query.get("versionid", "")
        return Target(service, account, share, below, snapshot, version=version), query, parts.scheme.lower()

    def _place(self, parts: SplitResult, header: str) -> tuple[Service, str, str]:
        path = unquote(parts.path, errors="replace").lstrip("/")
        host = (parts.hostname or "").lower()
        if host.endswith(_DOMAIN):
            account, _, name = host.removesuffix(_DOMAIN).partition(".")
            service: Service | None = next((each for each in self._openers if each == name), None)
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
            target: what is moved.
            query: of the URL that names it; the SAS may also be in a header of its own.
            scheme: of that URL.

        Raises:
            StorageError: the caller may not.
        """
        authorization = call.request.headers.get("x-ms-file-rename-source-authorization", "")
        if "sig" not in query and authorization:
            query = _query(authorization.removeprefix("?"))
            if "sig" not in query:
                raise errors.malformed_authorization()
        if "sig" in query:
            self._check_sas(call, target, query, scheme, _on_object(target, "w"))
        elif not call.credential.is_whole:
            raise errors.authentication_failed("The rename source needs a shared access signature of its own.")

    def _authorize_copy(
        self, call: Call, target: Target, query: Mapping[str, str], scheme: str, *, signed: bool
    ) -> bool:
        """Authorize a caller to read a source; returns whether its tags, too, which public access does not cover."""
        account = self._accounts.get(target.account)
        if account is None:
            raise errors.copy_source(404, "The specified resource does not exist.", source=errors.not_found())
        if "sig" in query or _AUTHORIZATION in call.request.headers:
            try:
                if _AUTHORIZATION in call.request.headers:
                    return self._check_token(call, target)
                return "t" in self._check_sas(call, target, query, scheme, _on_object(target, "r"))
            except StorageError as error:
                raise errors.copy_source(error.status, str(error), source=error) from error
        if not signed and call.credential.is_whole and _is_near(target, call.target):
            return call.credential.covers_tags
        if not self._is_open(target):
            # A copy reads such a source anonymously. For an anonymous copy to a file, a private source does not exist.
            is_hidden = call.target.service == "file" and not signed
            refusal = errors.not_found() if is_hidden else errors.anonymous(self.authority.challenge)
            raise errors.copy_source(refusal.status, str(refusal), source=refusal)
        return False

    def _is_open(self, target: Target) -> bool:
        """Whether everybody may read a source.

        Raises:
            StorageError: the container is open, but its account forbids public access.
        """
        try:
            return bool(self._openers[target.service][2](target))
        except StorageError as error:
            raise errors.copy_source(error.status, str(error), source=error) from error

    def _check_token(self, call: Call, target: Target) -> bool:
        """Accept the token for the source. It may come without TLS, since its bearer has shown other credentials, too.

        Returns:
            Whether it covers the tags of the source, too.
        """
        if not call.request.headers[_AUTHORIZATION].lower().startswith("bearer "):
            raise errors.malformed_authorization()
        bearer = self.authority.read(call.request, target.service, target.account, header=_AUTHORIZATION)
        if target.service == "file":
            check_intent(call.request)
        self.authority.check_role(bearer.object_id, _on_object(target, "r").action)
        return self.authority.covers_tags(bearer.object_id)

    def _check_sas(self, call: Call, target: Target, query: Mapping[str, str], scheme: str, grant: Grant) -> str:
        account = self._accounts.get(target.account)
        judge = Judge(
            account.keys if account else (), self.authority, self._openers[target.service][1](target), call.now
        )
        return check_sas(query, target, grant, judge, call.request, scheme=scheme)


def _is_near(source: Target, target: Target) -> bool:
    return (source.account, source.service) == (target.account, target.service)


def _on_object(target: Target, letter: str) -> Grant:
    return Grant(letter, "o", action_of(target.service, "", letters=letter, kind="o"))


def without_signature(url: str) -> str:
    """A URL without the signature of its SAS."""
    parts = _split(url, "x-ms-copy-source")
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair.partition("=")[0].lower() in ("sharesnapshot", "snapshot", "versionid")
    ]
    return urlunsplit(parts._replace(query="&".join(kept)))


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
