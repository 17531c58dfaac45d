"""The public interface: the names in the documentation exist, and have docstrings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).parents[1]
INSIDE = ("architecture.md", "develop.md")  # the pages about internals
PAGES = sorted(page for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if page.name not in INSIDE)
TAUGHT = re.compile(r"(?:from (harness[\w.]*) import ([\w, ]+)|import (harness\.[\w.]+))")


def test_the_public_names_are_sorted_and_exist() -> None:
    kinds = [(name.islower(), not name.isupper(), name) for name in harness.__all__]  # constants, classes, functions
    assert sorted(kinds) == kinds
    assert [name for name in harness.__all__ if not hasattr(harness, name)] == []


@pytest.mark.parametrize("name", harness.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    assert (getattr(harness, name).__doc__ or "").strip()


def test_a_name_that_is_not_public_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'nothing'"):
        _ = harness.nothing


def test_importing_the_package_loads_no_azure_sdk() -> None:
    code = "import sys, harness; print([name for name in sys.modules if name.startswith(('azure', 'pydantic', 'vcr'))])"

    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert process.stdout == "[]\n"


# Names that other packages build on: their own back ends, and property tests.
EXTENSIONS = {
    "harness.compute": {"supervisor"},
    "harness.compute.backend": {"JobSpec", "Plan", "Progress", "TaskSpec"},
    "harness.compute.catalogue": {"BackendContext"},
    "harness.compute.job_files": {"read_progress", "write_plan"},
    "harness.compute.paths": {"JobPaths"},
    "harness.compute.planning": {"plan_job", "plan_task"},
    "harness.strategies": {"scenario_text", "scenarios"},
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_teaches_public_names_alone(page: Path) -> None:
    taught = TAUGHT.findall(page.read_text(encoding="utf-8"))

    for module, names, imported in taught:
        assert not imported, f"{page.name} teaches {imported}"
        public = {"harness": set(harness.__all__), "harness.job": {"log_metric"}, **EXTENSIONS}
        assert module in public, f"{page.name} teaches {module}"
        assert set(names.replace(" ", "").split(",")) <= public[module]
