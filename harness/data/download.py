"""Downloads files from several mirrors: resumes partial files, verifies checksums, and publishes files atomically."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests

from harness.errors import DownloadError
from harness.file_lock import FileLockedError, lock_file

_BLOCK = 1 << 16
_LARGEST = 64 << 20  # bytes; a longer response is not the file
_CONNECT_SECONDS, _SILENT_SECONDS = 10, 30
_ATTEMPTS = 3  # at one mirror, while each attempt receives some bytes

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file: its name below every mirror, and its MD5 in hexadecimal."""

    name: str
    md5: str


class _RefusedError(Exception):
    """A mirror did not send the file; the message is the reason."""


def download(
    file: RemoteFile, directory: Path, *, mirrors: Sequence[str], session: requests.Session, progress: Progress
) -> Path:
    """Download a file unless it exists with the right checksum.

    After an interruption the received bytes stay in ``NAME.part``, and the next attempt or call continues there.

    Args:
        file: the file.
        directory: the existing target directory.
        mirrors: addresses that end with a slash, in the order in which they are tried.
        session: a session with the proxies to use.
        progress: called with the name, the number of received bytes, and the total if it is known.

    Raises:
        DownloadError: no mirror sent the right file; the message has a reason for each mirror.
    """
    path = directory / file.name
    if _md5(path) == file.md5:
        progress(file.name, path.stat().st_size, path.stat().st_size)
        return path
    part = directory / f"{file.name}.part"
    reasons = []
    with _locked_part(part) as stream:
        for mirror in mirrors:
            try:
                _fetch(mirror + file.name, file, stream, session=session, progress=progress)
            except _RefusedError as refusal:
                reasons.append(f"  {urlsplit(mirror).netloc}: {refusal}")
            else:
                part.replace(path)
                return path
    if not part.stat().st_size:
        part.unlink()
    raise DownloadError("\n".join([f"{file.name} could not be fetched; tried:", *reasons]))


@contextmanager
def _locked_part(part: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_file(part, mode=0o666))
        except FileLockedError:
            raise DownloadError(f"{part} is being fetched by another process; wait for it to end") from None
        yield stack.enter_context(part.open("ab"))


def _fetch(url: str, file: RemoteFile, stream: IO[bytes], *, session: requests.Session, progress: Progress) -> None:
    """Complete ``stream`` to the whole file from one mirror.

    Raises:
        _RefusedError: the mirror did not send the right file.
    """
    for attempt in range(_ATTEMPTS):
        before = stream.seek(0, 2)
        try:
            _receive(url, file.name, stream, session=session, progress=progress)
        except requests.RequestException as error:
            if stream.tell() == before or attempt == _ATTEMPTS - 1:
                raise _RefusedError(_reason(error)) from None
            continue
        stream.flush()
        if _md5(Path(stream.name)) == file.md5:
            return
        stream.truncate(0)
        if before == 0:  # otherwise the bytes of an earlier attempt may be the wrong ones
            break
    raise _RefusedError("the file that it sent has the wrong checksum")


def _receive(url: str, name: str, stream: IO[bytes], *, session: requests.Session, progress: Progress) -> None:
    start = stream.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    timeout = (_CONNECT_SECONDS, _SILENT_SECONDS)
    with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code == 416:  # the partial file is as long as the file, or longer: the checksum decides
            return
        response.raise_for_status()
        if response.status_code != 206 or not _begins_at(response, start):
            stream.truncate(0)
            start = 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        received = start
        progress(name, received, total)
        for block in response.iter_content(_BLOCK):
            received += len(block)
            if received > _LARGEST:
                raise _RefusedError(f"the file that it sent is larger than {_LARGEST >> 20} MiB")
            stream.write(block)
            progress(name, received, total)


def _begins_at(response: requests.Response, start: int) -> bool:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return match is not None and int(match[1]) == start


def _reason(error: requests.RequestException) -> str:
    """The reason of an error, without addresses of objects and without credentials of a proxy."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy did not connect (HTTPS_PROXY; that of `harness emulator env` reaches no other host)"
    if isinstance(error, requests.Timeout):
        return "did not answer in time"
    if "NameResolution" in str(error) or "getaddrinfo" in str(error):
        return "the name cannot be resolved: there is no network"
    return f"the connection failed or broke off ({type(error).__name__})"


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
