"""What stands in a cassette for what must not be there.

A placeholder depends on nothing but the value it replaces: equal values get equal ones in every cassette and in every
process, and a placeholder is never replaced again. Passwords, tokens and signatures all get the same word, so that
nothing can be learnt about them.
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
    """For what nobody has to use again."""
    del value
    return WORD


def placeholder_key(number: int) -> str:
    """The placeholder with a number for a storage key: 64 bytes, so that clients can sign with it."""
    return base64.b64encode(number.to_bytes(64, "big")).decode()


def key(value: str) -> str:
    """For a storage key."""
    return placeholder_key(int(_digest(value, 12), 16))


def guid(value: str) -> str:
    """For a subscription, a tenant, or anybody in it."""
    return _ZERO_GUID + _digest(value.lower(), 12)


def account(value: str) -> str:
    """For a storage account: a name that an account can have."""
    return "account" + _digest(value.lower(), 6)


def address(value: str) -> str:
    """For an e-mail address; short enough a digest to fit many addresses."""
    return f"user-{_digest(value.lower(), 4)}@example.com"


def interpreter(value: str) -> str:
    """For the path of an interpreter, as long as that: listings and ranges tell how long the log is that holds it."""
    length = len(value.encode("utf-8", "surrogatepass"))
    return fitted(f"{_SHARED}{'x' * (length - len(_SHARED) - len(_PYTHON))}{_PYTHON}", length)


def is_placeholder_interpreter(value: str) -> bool:
    """Whether the path of an interpreter says nothing of the machine that made a recording."""
    return value.startswith(_SHARED)


def is_placeholder(value: str) -> bool:
    """Whether a value is one of these, cut or filled up to a length, perhaps."""
    return (
        value.startswith((WORD, _ZERO_GUID))
        or (value != "" and WORD.startswith(value))
        or _ADDRESS.fullmatch(value) is not None
        or _RESERVED_DOMAIN.fullmatch(value) is not None
        or _is_placeholder_key(value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
    )


def is_placeholder_account(value: str) -> bool:
    """Whether an account's name is a placeholder, or one that everybody has."""
    return value in _NAMED_ACCOUNTS or _ACCOUNT.fullmatch(value) is not None


def fitted(placeholder: str, length: int) -> str:
    """A placeholder cut, or filled up, to a length: in a part of a file no byte may move."""
    return (placeholder + "x" * length)[:length]


def _is_placeholder_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and base64.b64decode(text)[:-8] == bytes(56)


def _digest(value: str, digits: int) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
