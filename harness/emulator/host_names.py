"""Names of hosts in requests: the host of a ``Host`` header, and the names that can only mean this machine.

A web page can send requests to this machine under the page's own host name, if its name server resolves that name to
127.0.0.1 (DNS rebinding). The plain ports therefore answer only to names that no name server resolves.
"""

import ipaddress

_USUAL = ("127.0.0.1", "localhost")


def host_of(header: str) -> str:
    """The host of a ``Host`` header, in lower case, without port and without the brackets of an IPv6 address."""
    value = header.lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether a host name always means this machine (RFC 6761, section 6.3)."""
    if host in _USUAL or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
