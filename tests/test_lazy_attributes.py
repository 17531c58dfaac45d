"""Faces of packages offer what they promise, and import it when it is used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from harness.lazy_attributes import lazy_attributes

FACES = (
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


@pytest.mark.parametrize("package", FACES)
def test_a_face_offers_what_it_lists_and_nothing_else(package: str) -> None:
    face = import_module(package)
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    [homes] = [ast.literal_eval(node) for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    assert sorted(homes) == sorted(face.__all__)
    for name, home in homes.items():
        assert getattr(face, name) is getattr(import_module(f"{package}.{home}"), name)


@pytest.mark.parametrize("package", FACES)
def test_a_name_that_a_face_does_not_offer_is_an_attribute_error(package: str) -> None:
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


@pytest.mark.parametrize("package", FACES)
def test_a_face_has_the_types_of_what_it_offers(package: str) -> None:
    tree = ast.parse(Path(str(import_module(package).__file__)).read_text(encoding="utf-8"))
    [homes] = [ast.literal_eval(node) for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {name.name: f"{package}.{homes[name.name]}" for node in imports for name in node.names} == {
        name.name: node.module for node in imports for name in node.names
    }
    assert {name.name for node in imports for name in node.names} == set(homes)
    # Importing a module makes it an attribute of its package, too.
    assert not set(homes) & {path.stem for path in Path(str(import_module(package).__file__)).parent.glob("*.py")}


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (FACES, {"azure", "pydantic", "requests", "yaml", "numpy", "vcr", "msgspec", "uvicorn"}),
        (["harness.plugin"], {"azure", "pydantic", "requests", "yaml", "numpy", "vcr", "msgspec"}),
        (["harness.scenario.load"], {"azure", "requests", "numpy", "vcr", "msgspec"}),
    ],
    ids=["faces", "plugin", "scenarios"],
)
def test_what_every_pytest_run_imports_is_light(modules: list[str], heavy: set[str]) -> None:
    look = f"import sys, {', '.join(modules)}; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "module",
    ["harness.resources.journal", "harness.resources.owner", "harness.clouds", "harness.recording", "harness.data"],
)
def test_what_needs_no_azure_sdk_imports_none(module: str) -> None:
    look = f"import sys, {module}; print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msrest')])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
