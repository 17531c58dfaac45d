"""A refusal of a storage service: what Azure says in each case, and the exception that says it."""

from dataclasses import dataclass


class StorageError(Exception):
    """A refusal.

    Args:
        status: HTTP status.
        code: Azure's error code, which ``x-ms-error-code`` holds, too.
        message: Azure's sentence.
        detail: further text for failed authentication, which holds no secret.
        headers: further headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Azure says in one case. Calling it makes the exception, since each raise needs its own.

    Args:
        status: of HTTP.
        code: Azure's error code.
        message: Azure's sentence.
    """

    status: int
    code: str
    message: str

    def __call__(self) -> StorageError:
        """The exception."""
        return StorageError(self.status, self.code, self.message)


@dataclass(frozen=True, slots=True)
class RefusalOf:
    """A ``Refusal`` whose sentence names something, in the place of ``{}``."""

    status: int
    code: str
    message: str

    def __call__(self, name: str | int) -> StorageError:
        """The exception for a header, a parameter, a limit or an address."""
        return StorageError(self.status, self.code, self.message.format(name))
