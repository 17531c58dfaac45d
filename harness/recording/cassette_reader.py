"""Opening a cassette: its requests are decoded at once, each response when it is first needed.

The size of the file, the number of interactions, and the total size of all bodies and headers are limited, including
content that is compressed or repeated by YAML aliases. See `limits`.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec
import yaml

from harness.errors import CassetteError
from harness.recording.cassette_format import Document, headers_of, read_document, read_entry
from harness.recording.interactions import Interaction
from harness.recording.limits import LARGEST_CONTENT, LARGEST_FILE, LARGEST_YAML, MOST_INTERACTIONS
from harness.recording.vcr_format import interaction_from, parse_json, parse_yaml

_DAMAGED = (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_RECORD_AGAIN = "record it again with: pytest --cloud emulator --record"


class Outline(msgspec.Struct, frozen=True):
    """The request of an interaction, without its body.

    Attributes:
        method: the HTTP method.
        uri: the complete URL.
        count: the number of identical polls that the interaction represents.
        headers: the headers of the request.
    """

    method: str
    uri: str
    count: int
    headers: Mapping[str, str]


class Cassette(Protocol):
    """An open cassette. Several threads may read it."""

    is_current: bool  # whether the cassette is in the current format of the harness
    provenance: Mapping[str, Any] | None  # the origin of the recording; None for cassettes of other tools

    @property
    def outlines(self) -> Sequence[Outline]:
        """All interactions, in order."""

    def interaction(self, index: int) -> Interaction:
        """Read the interaction with an index, counted from 0.

        Raises:
            CassetteError: the interaction is damaged or too large.
        """

    def span(self, index: int) -> tuple[int, str]:
        """The first line of an interaction, counted from 1, and its text; for vcrpy's format the whole file."""


def open_cassette(path: Path) -> Cassette:
    """Open a cassette in the format of the harness or of vcrpy.

    Raises:
        CassetteError: the file is missing, is no cassette, or exceeds the limits.
    """
    data = _file_content(path)
    if data.lstrip()[:1] == b"{":
        return _open_json(path, data)
    return _VcrCassette(path, data, _parsed_yaml(path, data))


def _file_content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # opening a named pipe would wait for its writer
            raise CassetteError(f"{path} is no cassette: it is no file")
        if path.exists() and path.stat().st_size > LARGEST_FILE:
            raise CassetteError(f"cassette {path} has more than {LARGEST_FILE >> 20} MiB; record fewer requests in it")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CassetteError(f"there is no cassette {path}; {_remedy(path)}") from error
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be read: {error.strerror}") from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _remedy(path: Path) -> str:
    """Advise what to do about a missing cassette; older ones were YAML and had no directory for the service."""
    old = path.parent.parent.parent / path.parent.name / f"{path.name.removesuffix('.json')}.yaml"
    if old.is_file():
        return f"an older one can be converted with: harness cassettes convert '{old}' --into '{path.parent}'"
    return "write it with: pytest --cloud emulator --record"


def _open_json(path: Path, data: bytes) -> Cassette:
    try:
        return _CurrentCassette(path, data, read_document(data))
    except (msgspec.MsgspecError, RecursionError) as error:
        format_error = error
    try:
        return _VcrCassette(path, data, parse_json(data))
    except (msgspec.ValidationError, RecursionError):
        message = f"{path} is no cassette that this version reads: {format_error}; {_RECORD_AGAIN}"
        raise CassetteError(message) from format_error
    except msgspec.MsgspecError:  # YAML can begin with a brace, too
        return _VcrCassette(path, data, _parsed_yaml(path, data))


def _parsed_yaml(path: Path, data: bytes) -> Any:
    if len(data) > LARGEST_YAML:
        raise CassetteError(f"cassette {path} has more than {LARGEST_YAML >> 20} MiB of YAML; {_RECORD_AGAIN}")
    try:
        return parse_yaml(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CassetteError(f"cassette {path} cannot be read: {error}") from error


class _ReadBudget:
    """The bytes of bodies and headers that may still be read; an interaction that is read again counts once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._remaining = LARGEST_CONTENT
        self._sizes: dict[int, int] = {}

    def read(self, index: int, read: Callable[[int], Interaction]) -> Interaction:
        """Read an interaction within the limit.

        Raises:
            CassetteError: the interaction is damaged or exceeds the limit.
        """
        with self._lock:
            return self._read(index, read)

    def _read(self, index: int, read: Callable[[int], Interaction]) -> Interaction:
        limit = self._remaining + self._sizes.get(index, 0)
        try:
            item = read(limit)
            size = _size(item)
            if size > limit:
                raise CassetteError("its bodies and headers are too large")
        except CassetteError as error:
            rule = f"all interactions of a cassette together may have {LARGEST_CONTENT >> 20} MiB"
            raise CassetteError(f"interaction {index + 1} of cassette {self._path}: {error}; {rule}") from error
        except _DAMAGED as error:
            problem = f"interaction {index + 1} of cassette {self._path} cannot be read: {error!r}"
            raise CassetteError(f"{problem}; {_RECORD_AGAIN}") from error
        self._remaining = limit - size
        self._sizes[index] = size
        return item


def _size(item: Interaction) -> int:
    headers = (*item.request.headers.items(), *item.response.headers.items())
    return (
        len(item.request.body)
        + len(item.response.body)
        + sum(len(name) + len(value) for name, value in headers)
        + sum(map(len, item.response.cookies))
    )


def _check_count(path: Path, interactions: Sequence[Any]) -> None:
    if len(interactions) > MOST_INTERACTIONS:
        raise CassetteError(
            f"cassette {path} has {len(interactions)} interactions, more than {MOST_INTERACTIONS};"
            " record fewer requests in it"
        )


class _CurrentCassette:
    """A cassette in the current format of the harness."""

    is_current = True

    def __init__(self, path: Path, data: bytes, document: Document) -> None:
        entries = document.interactions
        _check_count(path, entries)
        self.provenance: Mapping[str, Any] | None = document.provenance
        self.outlines: Sequence[Outline] = [
            Outline(entry.request.method, entry.request.uri, entry.count, headers_of(entry)) for entry in entries
        ]
        self._data = data
        self._entries = entries
        self._budget = _ReadBudget(path)

    def interaction(self, index: int) -> Interaction:
        return self._budget.read(index, lambda limit: read_entry(self._entries[index], limit))

    def span(self, index: int) -> tuple[int, str]:
        end = self._ends[index]
        start = self._ends[index - 1] if index else 0
        return self._data.count(b"\n", 0, start) + 1, self._data[start:end].decode("utf-8", "replace")

    @cached_property
    def _ends(self) -> list[int]:
        """The offset in the file at which the response of each interaction ends."""
        ends, at = [], 0
        for entry in self._entries:
            response = bytes(entry.response)
            at = self._data.index(response, at) + len(response)
            ends.append(at)
        return ends


class _VcrCassette:
    """A cassette in vcrpy's format, which is parsed completely when it is opened."""

    is_current = False

    def __init__(self, path: Path, data: bytes, document: Any) -> None:
        if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
            raise CassetteError(f"{path} is no cassette: its top level has no list of interactions")
        self._data = data
        self._entries: list[Any] = document["interactions"]
        _check_count(path, self._entries)
        provenance = document.get("provenance")
        self.provenance: Mapping[str, Any] | None = provenance if isinstance(provenance, dict) else None
        self._budget = _ReadBudget(path)

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        return [self._outline(self.interaction(index)) for index in range(len(self._entries))]

    @staticmethod
    def _outline(item: Interaction) -> Outline:
        return Outline(item.request.method, item.request.uri, item.count, item.request.headers)

    def interaction(self, index: int) -> Interaction:
        return self._budget.read(index, lambda limit: interaction_from(self._entries[index], limit))

    def span(self, index: int) -> tuple[int, str]:
        del index
        return 1, self._data.decode("utf-8", "replace")
