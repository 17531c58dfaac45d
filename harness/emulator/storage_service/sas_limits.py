"""Limits of a shared access signature: its time, addresses and protocols; pure."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.signatures import parse_time
from harness.emulator.wire import precise_timestamp


def check_time(fields: Mapping[str, str], now: datetime) -> None:
    """Accept a signature while it is valid.

    Args:
        fields: the fields of the SAS, with its start, if any, and its expiry.

    Raises:
        StorageError: the signature has expired or is not valid yet.
    """
    start, expiry = fields.get("st", ""), fields["se"]
    begins, ends = parse_time(start) if start else now, parse_time(expiry)
    if begins is None or ends is None:
        raise errors.authentication_failed("The expiry or start of the signature is not a valid time.")
    if begins > now or ends < now:
        raise errors.authentication_failed(
            f"Signature not valid in the specified time frame: Start [{start}] - Expiry [{expiry}] - "
            f"Current [{precise_timestamp(now)}]"
        )


def check_caller(query: Mapping[str, str], *, scheme: str, address: str) -> None:
    """Accept a signature that is valid for the protocol and the address of the request.

    Raises:
        StorageError: the signature is not valid for them.
    """
    protocols = query.get("spr", "").lower()
    if protocols and scheme not in protocols.split(","):
        raise errors.protocol_mismatch()
    if allowed := query.get("sip"):
        first, _, last = allowed.partition("-")
        try:
            caller = ipaddress.ip_address(address)
            inside = ipaddress.ip_address(first) <= caller <= ipaddress.ip_address(last or first)  # type: ignore[operator]
        except (ValueError, TypeError):
            inside = False
        if not inside:
            raise errors.source_mismatch(address)
