"""``harness import``: convert files of Batch AI or Azure ML to a scenario."""

from pathlib import Path

import click

from harness.cli.groups import CONTEXT
from harness.cli.options import PATH
from harness.cli.output import say
from harness.errors import UserError
from harness.interchange import import_files


@click.command("import", context_settings=CONTEXT, epilog="More: harness docs import-export")
@click.argument("files", metavar="FILE...", type=PATH, nargs=-1, required=True)
@click.option("--out", metavar="SCENARIO", type=PATH, help="Write the scenario to a new file; default: print it.")
def import_command(files: tuple[Path, ...], out: Path | None) -> None:
    """Convert the file of a job, and the file of its cluster, to a scenario.

    FILEs are the JSON of az batchai job create -f and az batchai cluster create -f, or the YAML of az ml job create -f
    (command and sweep jobs) and az ml compute create -f. A note with the line reports each part that a scenario cannot
    express; the notes are also comments at the beginning of the scenario.

    \b
    Examples:
      harness import job.json cluster.json --out scenarios/mine.yaml
      harness import job.yml
    """
    base = Path() if out is None else out.parent
    imported = import_files(files, base)
    if out is None:
        say(imported.text.rstrip("\n"))
    else:
        _write(out, imported.text)
    for note in imported.notes:
        say(f"note: {note}", err=True)
    if out is not None:
        say(f"wrote {out}; to see what it does: harness run {out} --dry-run")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UserError(f"{path} already exists, and nothing is overwritten; choose another --out") from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
