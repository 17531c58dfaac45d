"""Faces of packages offer what they promise, and import it when it is used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from harness.lazy_attributes import lazy_attributes

FACES = ("harness.clouds", "harness.data", "harness.recording", "harness.resources")


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


def test_a_name_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face", type(sys)("face"))
    monkeypatch.setitem(sys.modules, "face.home", type(sys)("face.home"))
    sys.modules["face.home"].thing = 7  # type: ignore[attr-defined]
    assert lazy_attributes("face", {"thing": "home"})("thing") == 7
    assert vars(sys.modules["face"])["thing"] == 7


@pytest.mark.parametrize(
    "module",
    ["harness.resources.journal", "harness.resources.owner", "harness.clouds", "harness.recording", "harness.data"],
)
def test_what_needs_no_azure_sdk_imports_none(module: str) -> None:
    look = f"import sys, {module}; print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msrest')])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
