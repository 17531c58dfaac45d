"""What looks secret in text: the patterns that scrubbing replaces and the scan refuses."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STAND_IN_SIGNATURE = "scrubbed"
STAND_IN_TEXT = "scrubbed"

# A storage key is 64 bytes, hence 86 base64 digits and two pads. What follows a key can be no base64 digit.
STORAGE_KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==")
JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")
SAS_SIGNATURE = re.compile(r"(?<![A-Za-z0-9_])(sig=)([^&\s\"'<>\\]+)", re.IGNORECASE)
BEARER = re.compile(r"\b(Bearer|SharedKey(?:Lite)?) ([A-Za-z0-9._~+/:=-]{16,})")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
SECRET_FIELDS = (
    "accountKey",
    "access_token",
    "adminUserPassword",
    "adminUserSshPublicKey",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "secretValue",
)
SECRET_FIELD = re.compile(rf'("(?:{"|".join(SECRET_FIELDS)})"\s*:\s*)"((?:[^"\\]|\\.)+)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that looks secret; ``what`` names the kind, and the value itself is never kept."""

    line: int
    what: str


def stand_in_key(number: int) -> str:
    """The stand-in of the ``number``-th storage key: 64 bytes, so that clients can sign with it."""
    return base64.b64encode(number.to_bytes(64, "big")).decode()


def is_stand_in_key(text: str) -> bool:
    """Whether a storage key is one of ours: nearly all of it is zero."""
    return base64.b64decode(text)[:-2] == bytes(62)


def find_secrets(text: str, known: Iterable[str] = ()) -> Iterator[Finding]:
    """Every place of a text that looks secret, in no particular order.

    Args:
        text: a whole cassette, or any other text.
        known: values that must not occur at all.
    """
    for pattern, what, value_group in (
        (STORAGE_KEY, "a storage account key", 0),
        (JSON_WEB_TOKEN, "a token", 0),
        (SAS_SIGNATURE, "a SAS signature", 2),
        (BEARER, "an Authorization header", 2),
        (PRIVATE_KEY, "a private key", 0),
        (SECRET_FIELD, "a secret field", 2),
    ):
        for match in pattern.finditer(text):
            if not _is_stand_in(match.group(value_group)):
                yield Finding(text.count("\n", 0, match.start()) + 1, what)
    for value in known:
        at = text.find(value) if value else -1
        if at >= 0:
            yield Finding(text.count("\n", 0, at) + 1, "a value that the settings know as secret")


def _is_stand_in(value: str) -> bool:
    if value.startswith(STAND_IN_TEXT):
        return True
    return STORAGE_KEY.fullmatch(value) is not None and is_stand_in_key(value)
