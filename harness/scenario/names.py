"""The names of trials: readable, unique, and safe as file names, Azure names and pytest ids."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from harness.scenario.values import Scalar, value_text

DEFAULT = "default"
_MAX_ID = 180  # bytes; a cassette's file name adds its ending, and a file name has 255 at most
_MAX_JOB = 64  # characters of an Azure name
_MAX_CLUSTER = 24
_ID_HASH = 16  # hexadecimal digits: among a million long ids of a sweep no two are likely to be equal
_JOB_HASH = 8
_UNSAFE = re.compile(r"[^\w.+-]")
_NOT_AZURE = re.compile(r"[^A-Za-z0-9_-]")


def trial_id(point: Mapping[str, Scalar]) -> str:
    """``name=value,...`` in file order, or ``default`` where nothing is swept.

    Characters other than letters, digits and ``_ . + -`` are percent-encoded; a very long id ends in a hash.
    """
    return joined_id([id_part(point)])


def search_trial_id(number: int, point: Mapping[str, Scalar]) -> str:
    """The id of a trial of a search: its number, for a point may come twice, and the values to six digits."""
    shown = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in point.items()}
    return joined_id([id_part({"trial": number}), id_part(shown)])


def id_part(values: Mapping[str, Scalar]) -> str:
    """The part of an id that some values make: ``name=value,...``."""
    return ",".join(f"{name}={_word(value)}" for name, value in values.items())


def joined_id(parts: Iterable[str]) -> str:
    """The id that the parts of a point's values make."""
    text = ",".join(filter(None, parts)) or DEFAULT
    encoded = text.encode()
    if len(encoded) <= _MAX_ID:
        return text
    kept = encoded[: _MAX_ID - _ID_HASH - 1].decode(errors="ignore")
    return f"{kept}~{_hash(text, _ID_HASH)}"


def job_name(base: str, trial: str) -> str:
    """The name of a trial's job: the scenario's, and for a trial of a sweep also the values of the trial."""
    if trial == DEFAULT:
        return base
    # Equal words may come from different ids (0.1 and 0_1), so the hash is always there.
    words = _NOT_AZURE.sub("_", trial.replace("=", "-").replace(",", "-"))
    return f"{f'{base}-{words}'[: _MAX_JOB - _JOB_HASH - 1]}-{_hash(trial, _JOB_HASH)}"


def cluster_name(base: str, facts: str) -> str:
    """The name of a cluster that differs from others of its scenario by some facts: its size, its nodes.

    It has 24 characters at most, as Azure Machine Learning wants it.
    """
    return f"{base[: _MAX_CLUSTER - _JOB_HASH - 1]}-{_hash(facts, _JOB_HASH)}"


def _word(value: Scalar) -> str:
    text = value_text(value)
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace")), text)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
