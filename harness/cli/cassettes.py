"""``harness cassettes``: inspect and convert recordings, and make sure that they hold no secret."""

import pydoc
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from harness.cli.groups import CONTEXT, CommandGroup
from harness.cli.options import PATH
from harness.cli.output import say
from harness.config import load_settings
from harness.errors import CassetteError
from harness.recording.cassette_format import readable_text
from harness.recording.cassette_reader import Cassette, open_cassette
from harness.recording.check import check_cassette
from harness.recording.convert import SUFFIXES, convert_cassette
from harness.recording.encodings import SecretValues
from harness.recording.placeholders import WORD


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs recording")
def cassettes() -> None:
    """Check, show and convert recorded cassettes."""


@cassettes.command()
@click.argument("paths", metavar="[PATH]...", type=PATH, nargs=-1)
def check(paths: tuple[Path, ...]) -> int:
    """Find secrets in cassettes.

    Each text that looks like a secret, or is a secret of the settings, is reported with FILE:LINE, and the exit code is
    1. A PATH is a file or a directory; the default is cassettes/.
    """
    secrets = SecretValues(dict.fromkeys(load_settings(Path.cwd()).secrets().values(), WORD))
    files = _files(paths or (Path("cassettes"),), SUFFIXES)
    findings = [(file, finding) for file in files for finding in check_cassette(file, secrets)]
    for file, finding in findings:
        say(f"{file}:{finding.line}: looks like {finding.kind}")
    say(f"{_counted(len(files), 'cassette')}, {_counted(len(findings), 'finding')}")
    return 1 if findings else 0


@cassettes.command()
@click.argument("path", metavar="CASSETTE", type=PATH)
@click.option("--bodies", is_flag=True, help="Print the bodies of requests and responses, too.")
def show(path: Path, bodies: bool) -> None:
    """Print the origin of a cassette, and its interactions.

    Output that does not fit the terminal is shown in a pager.
    """
    cassette = open_cassette(path)
    lines = [*_head(cassette), *_interactions(cassette, bodies=bodies)]
    if sys.stdout.isatty() and len(lines) >= shutil.get_terminal_size().lines:
        pydoc.pager("\n".join(lines))
    else:
        for line in lines:
            say(line)


@cassettes.command()
@click.argument("paths", metavar="PATH...", type=PATH, nargs=-1, required=True)
@click.option("--into", metavar="DIR", type=PATH, help="Directory for the new files; default: beside the old ones.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
def convert(paths: tuple[Path, ...], into: Path | None, force: bool) -> int:
    """Convert cassettes of other tools to the harness's format.

    A PATH is a cassette of vcrpy, of Azure's development tools or of an earlier version, or a directory of cassettes.
    Secrets are replaced by placeholders, as when a cassette is recorded. The old files are not changed.
    """
    secrets = tuple(load_settings(Path.cwd()).secrets().values())
    failed = 0
    for source, target in _conversions(paths, into):
        try:
            conversion = convert_cassette(source, target, secrets=secrets, overwrite=force)
        except CassetteError as error:
            say(f"harness: {error}", err=True)
            failed += 1
            continue
        counts = f"{_counted(conversion.interactions, 'interaction')}, {_counted(conversion.requests, 'request')}"
        say(f"{conversion.source} -> {conversion.target} ({counts})")
    return CassetteError.exit_code if failed else 0


def _conversions(paths: Sequence[Path], into: Path | None) -> Iterator[tuple[Path, Path]]:
    """Yield each cassette and its new file; directories keep their structure."""
    for path in paths:
        root = path if path.is_dir() else path.parent
        for source in _files([path], (".yaml", ".yml")):
            target = (into or root) / source.relative_to(root)
            yield source, target.with_name(f"{target.name.removesuffix(target.suffix)}.json")


def _head(cassette: Cassette) -> Iterator[str]:
    for name, value in (cassette.provenance or {}).items():
        yield f"{name}: {value}"
    requests = sum(outline.count for outline in cassette.outlines)
    yield f"{_counted(len(cassette.outlines), 'interaction')}, {_counted(requests, 'request')}"
    yield ""


def _interactions(cassette: Cassette, *, bodies: bool) -> Iterator[str]:
    yield f"{'times':>5}  {'status':<6}  {'bytes':>8}  request"
    for index in range(len(cassette.outlines)):
        item = cassette.interaction(index)
        request, response = item.request, item.response
        yield f"{item.count:>5}  {response.status:<6}  {len(response.body):>8}  {request.method} {request.uri}"
        if bodies:
            yield from _body("> ", request.body)
            yield from _body("< ", response.body)


def _body(prefix: str, body: bytes) -> Iterator[str]:
    text = readable_text(body)
    if text is None:
        text = f"({_counted(len(body), 'byte')}, not text)"
    yield from (f"       {prefix}{line}" for line in text.splitlines())


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _files(paths: Sequence[Path], suffixes: tuple[str, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*") if file.suffix in suffixes and file.is_file())
        elif path.exists():
            files.append(path)
        else:
            raise click.BadParameter(f"there is no file or directory {path}")
    return files
