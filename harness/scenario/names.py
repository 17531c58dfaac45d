"""The names of trials: readable, unique, and safe as file names, Azure names and pytest ids."""

import hashlib
import re
from collections.abc import Mapping

DEFAULT = "default"
_LONGEST_ID = 180  # bytes; a cassette's file name adds its ending, and a file name has 255 at most
_LONGEST_JOB = 64  # characters of an Azure name
_UNSAFE = re.compile(r"[^\w.+-]")
_NOT_AZURE = re.compile(r"[^A-Za-z0-9_-]")


def trial_id(point: Mapping[str, bool | int | float | str]) -> str:
    """``name=value,...`` in file order, or ``default`` where nothing is swept.

    What is neither letter, digit nor one of ``_ . + -`` is percent-encoded; a very long id ends in a hash.
    """
    text = ",".join(f"{name}={_word(value)}" for name, value in point.items()) or DEFAULT
    encoded = text.encode()
    if len(encoded) <= _LONGEST_ID:
        return text
    return f"{encoded[: _LONGEST_ID - 9].decode(errors='ignore')}~{_hash(text)}"


def job_name(base: str, trial: str) -> str:
    """The name of a trial's job: the scenario's, and for a trial of a sweep what tells it from the others."""
    if trial == DEFAULT:
        return base
    # Equal words may come from different ids (0.1 and 0_1), so the hash is always there.
    words = _NOT_AZURE.sub("_", trial.replace("=", "-").replace(",", "-"))
    return f"{f'{base}-{words}'[: _LONGEST_JOB - 9]}-{_hash(trial)}"


def _word(value: bool | int | float | str) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace")), text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
