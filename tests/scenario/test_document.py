"""Reading YAML: the core schema of YAML 1.2, hostile files, and files that are not scenarios."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.scenario.document import is_scenario_file, read_document, read_value

# Each level expands to six times the size of the level before.
LAUGHS = "a: &a [1]\n" + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 6)}]\n" for old, new in pairwise("abcdefg"))


def write(directory: Path, text: str) -> Path:
    path = directory / "file.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("3E-4", 0.0003),
        ("1.0e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("+12", 12),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("yes", "yes"),
        ("on", "on"),
        ("2018-01-01", "2018-01-01"),
        ("TRUE", True),
        ("~", None),
        ("", None),
        ("'1e-3'", "1e-3"),
        ("!!str 1", "1"),
        ("1e", "1e"),
        ("0b1", "0b1"),
    ],
)
def test_a_scalar_is_read_by_the_core_schema(tmp_path: Path, text: str, value: Any) -> None:
    result = read_document(write(tmp_path, f"a: {text}")).data["a"]
    assert (type(result), result) == (type(value), value)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70))
def test_every_number_as_python_writes_it_is_that_number(number: float) -> None:
    assert read_value(repr(number)) == number


def test_the_text_of_a_scalar_is_kept(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "a: 3.10\nb: [08, '08', True]\n"))
    assert document.texts == {("a",): "3.10", ("b", 0): "08", ("b", 2): "True"}


def test_every_field_has_a_line(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "# comment\na:\n  b:\n    - 1\n    - {c: 2}\n"))
    assert document.lines == {("a",): 2, ("a", "b"): 3, ("a", "b", 0): 4, ("a", "b", 1): 5, ("a", "b", 1, "c"): 5}
    assert document.line(("a", "b", 1, "missing")) == 5
    assert document.line(("missing",)) == 2


def test_merge_keys_add_what_a_mapping_lacks(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {x: 0, z: 4}]}\n"
    data = read_document(write(tmp_path, text)).data
    assert (data["b"], data["c"]) == ({"x": 1, "y": 3}, {"x": 1, "y": 2, "z": 4})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested deeper"),
        ("a: &a [*a]", "an alias that holds itself"),
        ("a: &a {<<: *a}", "an alias that holds itself"),
        (LAUGHS, "more than 20000 parts"),
        ("a: " + "9" * 5000, "has too many digits"),
        ("- a", "a scenario is a mapping"),
        ("", "a scenario is a mapping"),
        ("a: !!python/object:os.system x", ":1: a: the tag tag:yaml.org,2002:python/object:os.system is not allowed"),
        ("a: !!binary aGk=", "is not allowed"),
        ("? [a]\n: 1", "a key is one word"),
        ("a: {<<: 3}", "takes a mapping"),
        ("a: 1\nb:\n  c: 2\n  c: 3", ":4: b.c: is given twice; the first is in line 3"),
        ("a: [", "this is not YAML"),
        ("a: 1\n---\nb: 2", "this is not YAML"),
        ("a: \x00", "cannot be read"),
        ("a: 1\n" * 300_000, "more than 1048576 characters"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_a_clear_error(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_document(write(tmp_path, text))
    assert "file.yaml" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "is_scenario"),
    [
        ("scenario: x", True),
        ("# comment\ndescription: y\n'scenario': x", True),
        ("{description: y, scenario: x}", True),
        ("? scenario\n: x", True),
        ("a: [1, {b: 2}]\nscenario: x\nbroken: [", True),
        ("scenario: {{ template }}", True),
        ("services: {scenario: x}", False),
        ("services:\n- scenario: x", False),
        ("- scenario: x", False),
        ("name: scenario", False),
        ("? [scenario]\n: x", False),
        ("# scenario: x\nname: y", False),
        ("text: |\n  scenario: x\n", False),
        ("a: 1\n---\nscenario: x", False),
        ("{% if scenario %}", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_scenario_has_the_key_at_its_top(tmp_path: Path, text: str, is_scenario: bool) -> None:
    assert is_scenario_file(write(tmp_path, text)) is is_scenario


def test_what_cannot_be_read_is_no_scenario(tmp_path: Path) -> None:
    (tmp_path / "latin1.yaml").write_bytes(b"scenario: \xe9")
    assert not is_scenario_file(tmp_path / "latin1.yaml")
    assert not is_scenario_file(tmp_path / "missing.yaml")
    assert not is_scenario_file(tmp_path)
