"""Error responses of the storage services, and the exception that carries one."""

from dataclasses import dataclass


class StorageError(Exception):
    """An error response.

    Args:
        status: HTTP status.
        code: Azure's error code, which ``x-ms-error-code`` holds, too.
        message: Azure's message.
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
    """Azure's response to one kind of error. Calling it creates the exception, since each raise needs a new one.

    Args:
        status: HTTP status.
        code: Azure's error code.
        message: Azure's message.
    """

    status: int
    code: str
    message: str

    def __call__(self) -> StorageError:
        """The exception."""
        return StorageError(self.status, self.code, self.message)


@dataclass(frozen=True, slots=True)
class RefusalOf:
    """A ``Refusal`` whose message has a value in place of ``{}``."""

    status: int
    code: str
    message: str

    def __call__(self, name: str | int) -> StorageError:
        """The exception for a header, a parameter, a limit or an address."""
        return StorageError(self.status, self.code, self.message.format(name))
