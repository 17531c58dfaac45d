"""The examples of the documentation run as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.emulator.launch import launch

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def run(code: str, directory: Path, **variables: str) -> str:
    """Run a program, which must succeed; returns what it prints."""
    process = subprocess.run([sys.executable, "-P", "-c", code], cwd=directory, env={**os.environ, **variables},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
    assert process.returncode == 0, process.stdout
    return process.stdout


@pytest.mark.parametrize(("page", "number"), [("emulator.md", 0), ("azure-files.md", 1), ("storage-identity.md", 1)])
def test_an_emulator_is_launched_as_documented(page: str, number: int, tmp_path: Path) -> None:
    code = examples(page)[number]
    assert code.startswith("from harness import launch")

    run(code, tmp_path)


def test_azure_files_are_used_as_documented(tmp_path: Path) -> None:
    with launch(only="storage") as endpoint:
        run(examples("azure-files.md")[0], tmp_path, **endpoint.environment())

        shares = (
            "from azure.storage.fileshare import ShareServiceClient as C; import os\n"
            "with C.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING']) as c:\n"
            "    print([share.name for share in c.list_shares()])"
        )
        assert run(shares, tmp_path, **endpoint.environment()) == "['data']\n"


def test_a_token_opens_storage_as_documented(tmp_path: Path) -> None:
    with launch(only="storage") as endpoint:
        run(examples("storage-identity.md")[0], tmp_path, **endpoint.environment(by_proxy=True))
        assert {path.name for path in Path(endpoint.directory, "storage").glob("*/*/*")} == {"models", "data"}


def test_a_session_is_recorded_as_documented(tmp_path: Path) -> None:
    code = examples("recording.md")[0]
    with launch() as endpoint:
        run(code, tmp_path, **endpoint.environment())

    assert [path.parent.name for path in tmp_path.rglob("recorded.json")] == ["mine"]


def test_scenarios_are_drawn_as_documented(tmp_path: Path) -> None:
    run(examples("strategies.md")[0], tmp_path)


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md") if path.name != "architecture.md"))
def test_every_example_compiles(page: str) -> None:
    for code in examples(page):
        compile(code, page, "exec", dont_inherit=True)
