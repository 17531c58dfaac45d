"""``harness cassettes``: look into recordings, and make sure that they hold no secret."""

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
from harness.recording.check import check_cassette
from harness.recording.document import is_text
from harness.recording.encodings import KnownValues
from harness.recording.placeholders import WORD
from harness.recording.reel import Reel, open_reel


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs recording")
def cassettes() -> None:
    """Check and show recorded cassettes."""


@cassettes.command()
@click.argument("paths", metavar="[PATH]...", type=PATH, nargs=-1)
def check(paths: tuple[Path, ...]) -> int:
    """Find secrets in cassettes.

    What looks like a secret, or is a secret of the settings, is printed with FILE:LINE, and the exit code is 1. A PATH
    is a file or a directory, by default cassettes/.
    """
    known = KnownValues(dict.fromkeys(load_settings(Path.cwd()).secrets().values(), WORD))
    files = _files(paths or (Path("cassettes"),))
    findings = [(file, finding) for file in files for finding in check_cassette(file, known)]
    for file, finding in findings:
        say(f"{file}:{finding.line}: looks like {finding.what}")
    say(f"{_counted(len(files), 'cassette')}, {_counted(len(findings), 'finding')}")
    return 1 if findings else 0


@cassettes.command()
@click.argument("path", metavar="CASSETTE", type=PATH)
@click.option("--bodies", is_flag=True, help="With the bodies of requests and responses.")
def show(path: Path, bodies: bool) -> None:
    """Print where a cassette comes from, and its interactions.

    A pager shows what does not fit the terminal.
    """
    reel = open_reel(path)
    lines = [*_head(reel), *_interactions(reel, bodies=bodies)]
    if sys.stdout.isatty() and len(lines) >= shutil.get_terminal_size().lines:
        pydoc.pager("\n".join(lines))
    else:
        for line in lines:
            say(line)


def _head(reel: "Reel") -> Iterator[str]:
    for name, value in (reel.provenance() or {}).items():
        yield f"{name}: {value}"
    requests = sum(outline.times for outline in reel.outlines)
    yield f"{_counted(len(reel.outlines), 'interaction')}, {_counted(requests, 'request')}"
    yield ""


def _interactions(reel: "Reel", *, bodies: bool) -> Iterator[str]:
    yield f"{'times':>5}  {'status':<6}  {'bytes':>8}  request"
    for place in range(len(reel.outlines)):
        item = reel.interaction(place)
        asked, answer = item.request, item.response
        yield f"{item.count:>5}  {answer.status:<6}  {len(answer.body):>8}  {asked.method} {asked.uri}"
        if bodies:
            yield from _body("> ", asked.body)
            yield from _body("< ", answer.body)


def _body(prefix: str, body: bytes) -> Iterator[str]:
    text = body.decode() if is_text(body) else f"({_counted(len(body), 'byte')}, not text)"
    yield from (f"       {prefix}{line}" for line in text.splitlines())


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")])
        elif path.exists():
            found.append(path)
        else:
            raise click.BadParameter(f"there is no file or directory {path}")
    return found
