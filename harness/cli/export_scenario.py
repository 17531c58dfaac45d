"""``harness export``: convert a scenario to files of Azure ML's command line."""

from pathlib import Path

import click

from harness.cli.groups import CONTEXT
from harness.cli.options import PATH
from harness.cli.output import say
from harness.errors import UserError
from harness.interchange import ExportedFile, export_azureml
from harness.scenario.overrides import load_scenarios
from harness.scenario.set_option import parse_values


@click.command("export", context_settings=CONTEXT, epilog="More: harness docs import-export")
@click.argument("scenario", metavar="SCENARIO", type=PATH)
@click.option("--to", "target", type=click.Choice(["azureml"]), required=True, help="The format of the files.")
@click.option("values", "--set", metavar="NAME=VALUE", multiple=True, help="Give a parameter a value; repeatable.")
@click.option("--out", metavar="DIR", type=PATH, help="Write all files to this directory; default: print the job.")
def export_command(scenario: Path, target: str, values: tuple[str, ...], out: Path | None) -> None:
    """Convert a scenario to YAML for az ml job create -f.

    A sweep becomes a sweep job, or a job for each trial if Azure ML has no such search space. A note with the line
    reports each part of the scenario that Azure ML's files cannot express.

    \b
    Examples:
      harness export scenarios/mnist_quickstart.yaml --to azureml
      harness export scenarios/mnist_learning_rate.yaml --to azureml --out azureml
    """
    _ = target  # azureml is the only choice
    (loaded,) = load_scenarios([scenario], parse_values(values))
    exported = export_azureml(loaded)
    if out is None:
        say("---\n".join(file.text for file in exported.jobs).rstrip("\n"))
    else:
        _write(out, (*exported.resources, *exported.jobs))
    for note in exported.notes:
        say(f"note: {note}", err=True)
    if out is not None:
        say("\n".join(["in this order:", *(f"  {file.command} {out / file.name}" for file in exported.resources)]))
        say("\n".join(f"  {file.command} {out / file.name}" for file in exported.jobs))


def _write(directory: Path, files: tuple[ExportedFile, ...]) -> None:
    if existing := [file.name for file in files if (directory / file.name).exists()]:
        names = ", ".join(existing[:5])
        raise UserError(f"{directory} already has {names}, and nothing is overwritten; choose another --out")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in files:
            with (directory / file.name).open("x", encoding="utf-8") as stream:
                stream.write(file.text)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from None
