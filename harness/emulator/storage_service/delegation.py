"""User delegation keys, and the shared access signatures that they sign; pure.

No key is stored: each is derived from its parameters, so the same request gets the same key, as at Azure. Source:
Microsoft's "Get User Delegation Key" and "Create a user delegation SAS".
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.signatures import parse_time

LONGEST = timedelta(days=7)  # the longest time for which a key may be valid
FIRST_VERSIONS: Mapping[Service, str] = {"blob": "2018-11-09", "file": "2026-02-06"}

_AGENTS = "2020-02-10"  # the first version whose SAS signs the users of hierarchical namespaces
_ENCRYPTION_SCOPES = "2020-12-06"
_DELEGATED_USERS = "2025-07-05"
_REQUESTS = "2026-04-06"  # the first version whose SAS can sign headers and parameters of the request
_KEY_FIELDS = ("skoid", "sktid", "skt", "ske", "sks", "skv")


@dataclass(frozen=True, slots=True)
class DelegationKey:
    """The parameters of a key: its owner, its validity (as the client wrote it), its service and version.

    ``delegated_tenant`` is the tenant of the users who may use a SAS that the key signs; empty for any.
    """

    account: str
    object_id: str
    tenant_id: str
    start: str
    expiry: str
    service: Service
    version: str
    delegated_tenant: str = ""

    def value(self, secret: bytes) -> str:
        """The key in base64."""
        fields = (self.account, self.object_id, self.tenant_id, self.start, self.expiry, self.service, self.version)
        text = "\n".join(("user delegation key", *fields, self.delegated_tenant))
        return base64.b64encode(hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")).decode()

    def is_valid(self, now: datetime) -> bool:
        """Whether the key is valid at a time."""
        begins, ends = parse_time(self.start), parse_time(self.expiry)
        return begins is not None and ends is not None and begins <= now <= ends


def key_of(account: str, query: Mapping[str, str]) -> DelegationKey:
    """The key that a SAS names as its signing key."""
    service: Service = "file" if query.get("sks") == "f" else "blob"
    return DelegationKey(
        account,
        query.get("skoid", ""),
        query.get("sktid", ""),
        query.get("skt", ""),
        query.get("ske", ""),
        service,
        query.get("skv", ""),
        query.get("skdutid", ""),
    )


def sas_text(service: Service, resource: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The string to sign of a user delegation SAS.

    Args:
        resource: ``/{account}/{share}[/{path}]``.
        query: the SAS's parameters; others are ignored.
        headers: the headers of the request, some of which a SAS may sign.
    """
    version = query.get("sv", "")
    names = [*_KEY_FIELDS]
    if service == "blob" and version >= _AGENTS:
        names += ["saoid", "suoid", "scid"]
    if service == "file" or version >= _DELEGATED_USERS:
        names += ["skdutid", "sduoid"]
    names += ["sip", "spr", "sv"]
    if service == "blob":
        names += ["sr", "snapshot", *(["ses"] if version >= _ENCRYPTION_SCOPES else [])]
    lines = [query.get(name, "") for name in ("sp", "st", "se")]
    lines += [f"/{service}{resource}", *(query.get(name, "") for name in names)]
    if service == "blob" and version >= _REQUESTS:
        signed_headers = [f"{name}:{headers.get(name.lower(), '')}\n" for name in _split_names(query.get("srh", ""))]
        signed_query = [f"\n{name}:{query.get(name.lower(), '')}" for name in _split_names(query.get("srq", ""))]
        lines += ["".join(signed_headers), "".join(signed_query)]
    return "\n".join([*lines, *(query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct"))])


def _split_names(names: str) -> list[str]:
    return [unquote(name) for name in names.split(",") if name]
