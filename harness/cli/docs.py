"""``harness docs``: the documentation, which is installed with the package."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markdown import Markdown

import harness
from harness.cli.groups import CONTEXT
from harness.cli.output import say
from harness.errors import UserError
from harness.suggestions import suggestion

_PACKAGE = Path(harness.__file__).parent


@click.command(context_settings=CONTEXT)
@click.argument("name", metavar="[NAME]", required=False)
def docs(name: str | None) -> None:
    """Print a page of the documentation; without NAME, the list of pages.

    \b
    Examples:
      harness docs
      harness docs scenarios
    """
    pages = find_pages()
    if name is None:
        for page, path in pages.items():
            say(f"{page:<16} {_title(path)}")
        say("\nto read one: harness docs NAME")
        return
    page_name = name.removesuffix(".md")
    if page_name not in pages:
        raise UserError(f"there is no page {name!r}; {suggestion(page_name, pages)}")
    text = pages[page_name].read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        say(text.rstrip("\n"))
        return
    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text))


def find_pages() -> dict[str, Path]:
    """Return the pages by name, from the installed package or from the checkout that the harness runs from.

    Raises:
        UserError: there are no pages.
    """
    for directory in (_PACKAGE / "docs", _PACKAGE.parent / "docs"):
        if paths := sorted(directory.glob("*.md")):
            return {path.stem: path for path in paths}
    raise UserError(f"the documentation is not installed in {_PACKAGE}")


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "")
