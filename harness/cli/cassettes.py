"""``harness cassettes``: look into recordings, and make sure that they hold no secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harness.cli.output import say

if TYPE_CHECKING:
    from harness.recording.reel import Reel

app = typer.Typer(no_args_is_help=True, help="Check and show recorded cassettes.")


@app.command()
def check(
    paths: list[Path] = typer.Argument(None, help="Files or directories; default: cassettes/."),
) -> None:
    """Find what looks secret, or is a secret of the settings. Exit code 1 with FILE:LINE when something does."""
    from harness.config import load_settings
    from harness.recording.check import check_cassette
    from harness.recording.encodings import KnownValues
    from harness.recording.placeholders import WORD

    known = KnownValues(dict.fromkeys(load_settings(Path.cwd()).secrets().values(), WORD))
    files = _files(paths or [Path("cassettes")])
    findings = [(file, finding) for file in files for finding in check_cassette(file, known)]
    for file, finding in findings:
        say(f"{file}:{finding.line}: looks like {finding.what}")
    say(f"{_counted(len(files), 'cassette')}, {_counted(len(findings), 'finding')}")
    if findings:
        raise typer.Exit(1)


@app.command()
def show(
    path: Path = typer.Argument(..., help="A cassette."),
    bodies: bool = typer.Option(False, "--bodies", help="With the bodies of requests and answers."),
) -> None:
    """Print where a cassette comes from, and its interactions; through a pager where they do not fit a terminal."""
    import pydoc
    import shutil
    import sys

    from harness.recording.reel import open_reel

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
    from harness.recording.document import is_text

    text = body.decode() if is_text(body) else f"({_counted(len(body), 'byte')}, not text)"
    yield from (f"       {prefix}{line}" for line in text.splitlines())


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")])
        elif path.exists():
            found.append(path)
        else:
            raise typer.BadParameter(f"there is no file or directory {path}")
    return found
