"""Names of hosts in requests: what a ``Host`` header names, and which names can only mean this machine.

A page in a browser can ask any address for anything under the page's own name, if its name server says that the name is
127.0.0.1 (DNS rebinding). The plain ports therefore answer only to names that no name server gives out.
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
    """Whether a host means this machine wherever it is looked up (RFC 6761, section 6.3)."""
    if host in _USUAL or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
