"""Packages with lazy attributes offer the names that they list, and import them on first use."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from harness.lazy_attributes import lazy_attributes

PACKAGES = (
    "harness.clouds",
    "harness.config",
    "harness.data",
    "harness.emulator",
    "harness.experiments",
    "harness.recording",
    "harness.resources",
    "harness.scenario",
    "harness.services",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_what_it_lists_and_nothing_else(package: str) -> None:
    imported_package = import_module(package)
    tree = ast.parse(Path(str(imported_package.__file__)).read_text(encoding="utf-8"))
    [modules] = [ast.literal_eval(node) for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    assert sorted(modules) == sorted(imported_package.__all__)
    for name, home in modules.items():
        assert getattr(imported_package, name) is getattr(import_module(f"{package}.{home}"), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_a_package_does_not_offer_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        import_module(package).nothing  # noqa: B018


def test_a_name_is_that_of_the_module_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face", type(sys)("face"))
    get = lazy_attributes("face", {"thing": "home"})
    for value in (7, 8):
        home = type(sys)("face.home")
        home.thing = value
        monkeypatch.setitem(sys.modules, "face.home", home)
        assert get("thing") == value


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_types_of_what_it_offers(package: str) -> None:
    tree = ast.parse(Path(str(import_module(package).__file__)).read_text(encoding="utf-8"))
    [modules] = [ast.literal_eval(node) for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {name.name: f"{package}.{modules[name.name]}" for node in imports for name in node.names} == {
        name.name: node.module for node in imports for name in node.names
    }
    assert {name.name for node in imports for name in node.names} == set(modules)
    # Importing a module makes it an attribute of its package, too.
    assert not set(modules) & {path.stem for path in Path(str(import_module(package).__file__)).parent.glob("*.py")}


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (PACKAGES, {"azure", "pydantic", "requests", "yaml", "numpy", "vcr", "msgspec", "uvicorn"}),
        (["harness.plugin"], {"azure", "pydantic", "requests", "yaml", "numpy", "vcr", "msgspec"}),
        (["harness.scenario.load"], {"azure", "requests", "numpy", "vcr", "msgspec"}),
    ],
    ids=["packages", "plugin", "scenarios"],
)
def test_what_every_pytest_run_imports_is_light(modules: list[str], heavy: set[str]) -> None:
    script = f"import sys, {', '.join(modules)}; print({heavy!r} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout == "set()\n"


@pytest.mark.parametrize(
    "module",
    ["harness.resources.journal", "harness.resources.owner", "harness.clouds", "harness.recording", "harness.data"],
)
def test_what_needs_no_azure_sdk_imports_none(module: str) -> None:
    script = f"import sys, {module}; print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msrest')])"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"
