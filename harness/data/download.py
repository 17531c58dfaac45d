"""Files from several mirrors: each resumed where it stopped, checked, and there whole or not at all."""

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
_LARGEST = 64 << 20  # bytes; what goes on beyond is not the file
_CONNECT_SECONDS, _SILENT_SECONDS = 10, 30
_ATTEMPTS = 3  # at one mirror, as long as each brings something

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file by its name below every mirror, and its MD5 in hexadecimal."""

    name: str
    md5: str


class _RefusedError(Exception):
    """A mirror did not give the file; says why."""


def download(
    file: RemoteFile, directory: Path, *, mirrors: Sequence[str], session: requests.Session, progress: Progress
) -> Path:
    """Fetch a file unless a good one is there.

    What arrived before an interruption stays in ``NAME.part``; the next attempt, also of a later call, goes on there.

    Args:
        file: which.
        directory: where to; it exists.
        mirrors: addresses that end with a slash, in the order in which they are tried.
        session: with the proxies to use.
        progress: called with the name, the bytes that are there and, where known, how many there will be.

    Raises:
        DownloadError: no mirror gave it, or all a wrong one; says why for each.
    """
    path = directory / file.name
    if _md5(path) == file.md5:
        progress(file.name, path.stat().st_size, path.stat().st_size)
        return path
    part = directory / f"{file.name}.part"
    reasons = []
    with _alone(part) as stream:
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
def _alone(part: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_file(part, mode=0o666))
        except FileLockedError:
            raise DownloadError(f"{part} is being fetched by another process; wait for it to end") from None
        yield stack.enter_context(part.open("ab"))


def _fetch(url: str, file: RemoteFile, stream: IO[bytes], *, session: requests.Session, progress: Progress) -> None:
    """Bring ``stream`` to the whole, good file.

    Raises:
        _RefusedError: this mirror does not.
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
        if before == 0:  # else what was there from before may have been the wrong part
            break
    raise _RefusedError("what it sent has the wrong checksum")


def _receive(url: str, name: str, stream: IO[bytes], *, session: requests.Session, progress: Progress) -> None:
    start = stream.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    timeout = (_CONNECT_SECONDS, _SILENT_SECONDS)
    with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code == 416:  # what is there is as long as the file, or longer: the checksum decides
            return
        response.raise_for_status()
        if response.status_code != 206 or not _begins_at(response, start):
            stream.truncate(0)
            start = 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        done = start
        progress(name, done, total)
        for block in response.iter_content(_BLOCK):
            done += len(block)
            if done > _LARGEST:
                raise _RefusedError(f"what it sent is larger than {_LARGEST >> 20} MiB")
            stream.write(block)
            progress(name, done, total)


def _begins_at(response: requests.Response, start: int) -> bool:
    sent = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return sent is not None and int(sent[1]) == start


def _reason(error: requests.RequestException) -> str:
    """Why, without addresses of objects and without the credentials that a proxy's address may hold."""
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
