"""What a cloud's clients have created just now: a reader may not see it for a moment."""

from urllib.parse import urlsplit

from harness.clock import Clock


class RecentWrites:
    """When each address was last written to; Azure's paths do not tell upper from lower case.

    Args:
        clock: of the cloud.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moments: dict[str, float] = {}

    def sent(self, method: str, url: str) -> None:
        """A request is about to be sent; what it deletes, and all below it, is rightly missing from now on."""
        if method == "DELETE":
            gone = _address(url)
            for address in list(self._moments):  # a copy: other threads may create meanwhile
                if address == gone or address.startswith(f"{gone}/"):
                    self._moments.pop(address, None)

    def answered(self, method: str, url: str) -> None:
        """A request was answered well."""
        if method == "PUT":
            self._moments[_address(url)] = self._clock.monotonic()

    def age(self, url: str) -> float | None:
        """Seconds since something was created there; None where nothing was."""
        moment = self._moments.get(_address(url))
        return None if moment is None else self._clock.monotonic() - moment


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}".lower().rstrip("/")
