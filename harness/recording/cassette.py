"""Cassettes on disk: YAML in vcrpy's format version 1, which vcrpy itself can read.

Added to that format, and ignored by vcrpy: ``provenance`` at the top, ``count`` on folded polls, and
``bodies``, where large or binary bodies stand apart. Those are gzip-compressed and referred to by YAML
alias, under a ``Content-Encoding: gzip`` header, which vcrpy undoes when asked to
(``decode_compressed_response=True``).
"""

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from harness.errors import CassetteError
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.secrets import find_secrets

FORMAT_VERSION = 1
LARGE_BODY = 4096  # bytes; longer ones stand apart
LARGE_UPLOAD = 1024  # bytes; longer ones are kept as length and digest

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Blob(bytes):
    """A body that stands apart: written once, referred to by alias."""

    __slots__ = ()


class _Dumper(_SafeDumper):  # type: ignore[misc]  # chosen at run time: the C dumper where libyaml is there
    def ignore_aliases(self, data: object) -> bool:
        return not isinstance(data, _Blob)


def _represent_text(dumper: Any, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(_Blob, lambda dumper, data: dumper.represent_binary(bytes(data)))
_Dumper.add_representer(str, _represent_text)


def cassette_path(directory: Path, story: str) -> Path:
    """The file of a story.

    Args:
        directory: the directory of all cassettes.
        story: ``<scenario>/<resource or trial id>``; characters a file name cannot have are percent-encoded,
            and a name longer than 150 bytes ends in a digest instead.
    """
    scenario, _, name = story.partition("/")
    return directory / _file_name(scenario) / f"{_file_name(name or scenario)}.yaml"


def _file_name(name: str) -> str:
    safe = quote(name, safe=" =,+@()").lstrip(".") or "_"
    if len(safe) <= 150:
        return safe
    return f"{safe[:130]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def upload_marker(body: bytes) -> bytes:
    """What stands for an upload: the body itself when it is short text, else its length and SHA-256."""
    if len(body) <= LARGE_UPLOAD and _is_text(body):
        return body
    return f"<{len(body)} bytes, sha256:{hashlib.sha256(body).hexdigest()}>".encode()


def fold(interactions: Iterable[Interaction]) -> list[Interaction]:
    """Count identical polls: a GET asked again, with the same answer, and no write in between."""
    folded: list[Interaction] = []
    last_of: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for item in interactions:
        if item.request.method not in ("GET", "HEAD"):
            last_of.clear()
            folded.append(item)
            continue
        question = (f"{item.request.method} {item.request.uri}", tuple(sorted(item.request.headers.items())))
        at = last_of.get(question)
        if at is not None and folded[at].response == item.response:
            previous = folded[at]
            folded[at] = Interaction(previous.request, previous.response, previous.count + item.count)
            continue
        last_of[question] = len(folded)
        folded.append(item)
    return folded


def save_cassette(
    path: Path,
    interactions: Sequence[Interaction],
    provenance: Mapping[str, str],
    known_secrets: Iterable[str] = (),
) -> None:
    """Write a cassette whole or not at all.

    Args:
        path: the file; its directory is made.
        interactions: already scrubbed.
        provenance: when, against what and with which versions it was recorded.
        known_secrets: values that must not occur in it.

    Raises:
        CassetteError: something in it looks secret, or it cannot be written. An older cassette stays.
    """
    _refuse_secrets(path, interactions, known_secrets)
    blobs: dict[bytes, _Blob] = {}
    written = [_interaction_out(item, blobs) for item in interactions]
    document: dict[str, Any] = {"version": FORMAT_VERSION, "provenance": dict(provenance)}
    if blobs:
        document["bodies"] = list(blobs.values())
    document["interactions"] = written
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    findings = sorted(find_secrets(text, known_secrets), key=lambda found: found.line)
    if findings:
        raise CassetteError(f"{path} is not written: its line {findings[0].line} would hold {findings[0].what}")
    try:
        _write_atomically(path, text)
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be written: {error.strerror}; the old one is unchanged") from error


def _refuse_secrets(path: Path, interactions: Sequence[Interaction], known: Iterable[str]) -> None:
    """Bodies are looked at before they are compressed, where no scan of the file would see into them."""
    known = tuple(known)
    for item in interactions:
        for body in (item.request.body, item.response.body):
            for finding in find_secrets(body.decode("utf-8", "replace"), known):
                where = f"{item.request.method} {urlsplit(item.request.uri).path}"
                raise CassetteError(f"{path} is not written: a body of {where} would hold {finding.what}")


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".cassette-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)  # a cassette is meant to be shared and committed
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _interaction_out(item: Interaction, blobs: dict[bytes, _Blob]) -> dict[str, Any]:
    request, response = item.request, item.response
    told = response.headers.items()  # the length follows from the body, except where there is none to measure
    headers = {k: [v] for k, v in told if request.method == "HEAD" or k.lower() != "content-length"}
    body: str | _Blob = _text_out(request.uri, response)
    if body == "" and response.body:
        packed = gzip.compress(response.body, mtime=0)
        body = blobs.setdefault(packed, _Blob(packed))
        headers["Content-Encoding"] = ["gzip"]
    out: dict[str, Any] = {
        "request": {
            "method": request.method,
            "uri": request.uri,
            "headers": {name: [value] for name, value in request.headers.items()},
            "body": _pretty(request.body) or (request.body.decode("utf-8", "replace") or None),
        },
        "response": {
            "status": {"code": response.status, "message": response.reason},
            "headers": headers,
            "body": {"string": body},
        },
    }
    return out if item.count == 1 else {"count": item.count, **out}


def _text_out(uri: str, response: RecordedResponse) -> str:
    """The body as text for review, or nothing when it has to stand apart."""
    is_a_file = (urlsplit(uri).hostname or "").endswith(".core.windows.net")  # whose bytes are the user's
    if not is_a_file and (pretty := _pretty(response.body)):
        return pretty
    if len(response.body) > LARGE_BODY or not _is_text(response.body):
        return ""
    return response.body.decode()


def _pretty(body: bytes) -> str:
    if body[:1] not in (b"{", b"["):
        return ""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return ""


def _is_text(body: bytes) -> bool:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    # YAML turns carriage returns, NEL and separators into line feeds, so bytes that hold them stand apart.
    return all(character.isprintable() or character in "\n\t" for character in text)


def load_cassette(path: Path) -> list[Interaction]:
    """Read a cassette, ours or one that plain vcrpy has written.

    Raises:
        CassetteError: it is missing, is no YAML, or is no cassette.
    """
    document = read_document(path)
    try:
        return [_interaction_in(entry) for entry in document["interactions"]]
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise CassetteError(f"{path} is no cassette of format {FORMAT_VERSION}: {error!r}; record it again") from error


def read_document(path: Path) -> dict[str, Any]:
    """The YAML document of a cassette, as it stands in the file.

    Raises:
        CassetteError: as `load_cassette`.
    """
    try:
        document = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe loader, C or Python
    except FileNotFoundError as error:
        raise CassetteError(f"there is no cassette {path}; write it with: pytest --cloud emulator --record") from error
    except (OSError, yaml.YAMLError) as error:
        raise CassetteError(f"cassette {path} cannot be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
        raise CassetteError(f"{path} is no cassette: its top level has no list of interactions")
    return document


def _interaction_in(entry: Mapping[str, Any]) -> Interaction:
    request, response = entry["request"], entry["response"]
    headers = _headers_in(response.get("headers"))
    body = _bytes(response["body"]["string"])
    encoding = next((headers.pop(name) for name in list(headers) if name.lower() == "content-encoding"), "")
    if encoding == "gzip" and body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    status = response["status"]
    return Interaction(
        RecordedRequest(
            request["method"],
            request["uri"],
            _headers_in(request.get("headers")),
            _bytes(request.get("body")),
        ),
        RecordedResponse(int(status["code"]), str(status.get("message") or ""), headers, body),
        int(entry.get("count", 1)),
    )


def _headers_in(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {
        str(name): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in (headers or {}).items()
    }


def _bytes(body: str | bytes | None) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else body
