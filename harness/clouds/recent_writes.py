"""The resources that a cloud's clients have created recently, which a read may not see yet."""

from urllib.parse import urlsplit

from harness.clock import Clock


class RecentWrites:
    """The time of the last write to each address; Azure's paths are case-insensitive.

    Args:
        clock: the clock of the cloud.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: dict[str, float] = {}

    def before_request(self, method: str, url: str) -> None:
        """Forget the resource that a request is about to delete, and all resources below it."""
        if method == "DELETE":
            root = _address(url)
            for address in list(self._times):  # a copy: other threads may add addresses in between
                if address == root or address.startswith(f"{root}/"):
                    self._times.pop(address, None)

    def after_success(self, method: str, url: str) -> None:
        """Note the time of a successful write."""
        if method == "PUT":
            self._times[_address(url)] = self._clock.monotonic()

    def age(self, url: str) -> float | None:
        """Seconds since a resource was created at an address; None if none was."""
        time = self._times.get(_address(url))
        return None if time is None else self._clock.monotonic() - time


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}".lower().rstrip("/")
