"""``harness docs``: the pages, and references to pages."""

import re
from pathlib import Path

import pytest

import harness
from harness.cli import main
from harness.cli.docs import find_pages

PACKAGE = Path(harness.__file__).parent


def test_the_list_has_every_page_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^scenarios +Scenario files$", out, re.MULTILINE)
    assert all(f"\n{page} " in f"\n{out}" for page in find_pages())


@pytest.mark.parametrize("name", ["scenarios", "scenarios.md"])
def test_a_page_is_printed_as_it_is_into_a_pipe(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", name]) == 0
    assert capsys.readouterr().out.startswith("# Scenario files\n")


def test_an_unknown_page_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "scenario"]) == 2
    assert "there is no page 'scenario'; did you mean 'scenarios'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../README", "/etc/passwd"])
def test_only_pages_can_be_read(name: str) -> None:
    assert main(["docs", name]) == 2


def test_every_page_that_the_package_names_exists() -> None:
    names = {
        page
        for path in PACKAGE.rglob("*.py")
        for page in re.findall(r"harness docs ([a-z][a-z-]+)", path.read_text(encoding="utf-8"))
    }
    assert names
    assert names <= find_pages().keys()


def test_no_message_points_to_a_file_that_only_a_checkout_has() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.stem != "docs"}
    assert [str(path) for path, text in sources.items() if re.search(r"docs/\w+\.md", text)] == []
