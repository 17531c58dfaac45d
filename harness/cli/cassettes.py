"""``harness cassettes``: look into recordings, and make sure that they hold no secret."""

from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True, help="Check and show recorded cassettes.")


@app.command()
def check(
    paths: list[Path] = typer.Argument(None, help="Files or directories; default: cassettes/."),
) -> None:
    """Find what looks secret. Exit code 1 with FILE:LINE when something does."""
    from harness.recording.check import check_cassette

    files = _files(paths or [Path("cassettes")])
    findings = [(file, finding) for file in files for finding in check_cassette(file)]
    for file, finding in findings:
        typer.echo(f"{file}:{finding.line}: looks like {finding.what}")
    typer.echo(f"{len(files)} cassettes, {len(findings)} findings")
    if findings:
        raise typer.Exit(1)


@app.command()
def show(path: Path = typer.Argument(..., help="A cassette.")) -> None:
    """Print where a cassette comes from, and its interactions."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from harness.recording.cassette import load_cassette, read_document

    console = Console()
    for name, value in (read_document(path).get("provenance") or {}).items():
        console.print(f"{name}: {value}", markup=False, highlight=False)
    table = Table("times", "method", "URL", "status", "bytes", box=None)
    for item in load_cassette(path):
        size = str(len(item.response.body))
        table.add_row(str(item.count), item.request.method, escape(item.request.uri), str(item.response.status), size)
    console.print(table)


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
