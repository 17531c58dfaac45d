"""The names of trials: readable, unique, and safe as file names, Azure names and pytest ids."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from harness.scenario.values import Scalar, value_text

DEFAULT = "default"
_MAX_ID = 180  # bytes; a cassette's file name adds a suffix, and a file name has at most 255
_MAX_JOB = 64  # characters of an Azure name
_MAX_CLUSTER = 24
_ID_HASH = 16  # hexadecimal digits, so that a million long ids of a sweep are unlikely to collide
_JOB_HASH = 8
_UNSAFE = re.compile(r"[^\w.+-]")
_NOT_AZURE = re.compile(r"[^A-Za-z0-9_-]")


def trial_id(point: Mapping[str, Scalar]) -> str:
    """Return ``name=value,...`` in file order, or ``default`` without a sweep.

    Characters other than letters, digits and ``_ . + -`` are percent-encoded; a very long id ends in a hash.
    """
    return join_id([id_part(point)])


def search_trial_id(number: int, point: Mapping[str, Scalar]) -> str:
    """Return the id of a trial of a search: its number, because points may repeat, and the values to six digits."""
    rounded = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in point.items()}
    return join_id([id_part({"trial": number}), id_part(rounded)])


def id_part(values: Mapping[str, Scalar]) -> str:
    """Return the part of an id for some values: ``name=value,...``."""
    return ",".join(f"{name}={_encode(value)}" for name, value in values.items())


def join_id(parts: Iterable[str]) -> str:
    """Join the parts of an id, and shorten it if needed."""
    text = ",".join(filter(None, parts)) or DEFAULT
    encoded = text.encode()
    if len(encoded) <= _MAX_ID:
        return text
    prefix = encoded[: _MAX_ID - _ID_HASH - 1].decode(errors="ignore")
    return f"{prefix}~{_hash(text, _ID_HASH)}"


def job_name(base: str, trial: str) -> str:
    """Return the name of a trial's job: the scenario's name, and in a sweep also the values of the trial."""
    if trial == DEFAULT:
        return base
    # Different ids may become equal here (0.1 and 0_1), so that the hash is always needed.
    values = _NOT_AZURE.sub("_", trial.replace("=", "-").replace(",", "-"))
    return f"{f'{base}-{values}'[: _MAX_JOB - _JOB_HASH - 1]}-{_hash(trial, _JOB_HASH)}"


def cluster_name(base: str, properties: str) -> str:
    """Return the name of a cluster that differs from others of its scenario by its properties: its size, its nodes.

    The name has at most 24 characters, the limit of Azure Machine Learning.
    """
    return f"{base[: _MAX_CLUSTER - _JOB_HASH - 1]}-{_hash(properties, _JOB_HASH)}"


def _encode(value: Scalar) -> str:
    text = value_text(value)
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace")), text)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
