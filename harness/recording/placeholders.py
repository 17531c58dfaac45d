"""Placeholders for secret values in cassettes.

A placeholder depends only on the value that it replaces: equal values get equal placeholders in every cassette and in
every process. A placeholder is never replaced again. Passwords, tokens and signatures all get the same word, which
reveals nothing about them.
"""

import base64
import hashlib
import re

WORD = "scrubbed"

_ZERO_GUID = "00000000-0000-0000-0000-"
_SHARED, _PYTHON = "/opt/", "/python"
_NAMED_ACCOUNTS = frozenset({"harnessstorage", "devstoreaccount1"})
_ACCOUNT = re.compile(r"account[0-9a-f]{0,6}x*|a|ac|acc|acco|accou|accoun")
_ADDRESS = re.compile(r"user-[0-9a-f]{4}(?:@|%40)ex.*", re.DOTALL)
_RESERVED_DOMAIN = re.compile(r".*(?:@|%40|\.)(?:example\.(?:com|org|net)|example|invalid|test|localhost)", re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9+/]{86}==")


def word(value: str) -> str:
    """The placeholder for a value that a replay does not use."""
    del value
    return WORD


def placeholder_key(number: int) -> str:
    """The numbered placeholder for a storage key: 64 bytes, so that clients can sign with it."""
    return base64.b64encode(number.to_bytes(64, "big")).decode()


def key(value: str) -> str:
    """The placeholder for a storage key."""
    return placeholder_key(int(_digest(value, 12), 16))


def guid(value: str) -> str:
    """The placeholder for the id of a subscription, a tenant, a user or an application."""
    return _ZERO_GUID + _digest(value.lower(), 12)


def account(value: str) -> str:
    """The placeholder for a storage account: a valid account name."""
    return "account" + _digest(value.lower(), 6)


def address(value: str) -> str:
    """The placeholder for an e-mail address; its digest is short, so that it fits into many addresses."""
    return f"user-{_digest(value.lower(), 4)}@example.com"


def interpreter(value: str) -> str:
    """The placeholder for the path of an interpreter.

    It has the length of the path, because listings and ranges contain the length of the log that holds the path.
    """
    length = len(value.encode("utf-8", "surrogatepass"))
    return fit_to_length(f"{_SHARED}{'x' * (length - len(_SHARED) - len(_PYTHON))}{_PYTHON}", length)


def is_placeholder_interpreter(value: str) -> bool:
    """Whether the path of an interpreter reveals nothing about the machine of the recording."""
    return value.startswith(_SHARED)


def is_placeholder(value: str) -> bool:
    """Whether a value is a placeholder, possibly cut or padded to a length."""
    return (
        value.startswith((WORD, _ZERO_GUID))
        or (value != "" and WORD.startswith(value))
        or _ADDRESS.fullmatch(value) is not None
        or _RESERVED_DOMAIN.fullmatch(value) is not None
        or _is_placeholder_key(value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
    )


def is_placeholder_account(value: str) -> bool:
    """Whether an account's name is a placeholder, or a public default name."""
    return value in _NAMED_ACCOUNTS or _ACCOUNT.fullmatch(value) is not None


def fit_to_length(placeholder: str, length: int) -> str:
    """Cut or pad a placeholder to a length: in a part of a file no byte may move."""
    return (placeholder + "x" * length)[:length]


def _is_placeholder_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and base64.b64decode(text)[:-8] == bytes(56)


def _digest(value: str, digits: int) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
