"""Untrusted bodies, queries, filters and texts: which are refused, and that none takes long to check."""

import time
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pytest

from harness.emulator.providers.azureml.data_plane.artifact_files import file_names, folder_sizes
from harness.emulator.providers.azureml.data_plane.filters import FilterError, parse_filter
from harness.emulator.providers.azureml.errors import AzureMLError
from harness.emulator.providers.azureml.rules.bodies import (
    AssetBody,
    ComputeBody,
    DatastoreBody,
    JobBody,
    WorkspaceBody,
)
from harness.emulator.providers.azureml.rules.body_reading import BodyError, read_as, read_document
from harness.emulator.providers.azureml.rules.expressions import check_command, expand_command
from harness.emulator.providers.azureml.rules.queries import read_number
from harness.emulator.providers.azureml.rules.yaml_documents import YamlError, read_yaml

AGES = 60.0  # seconds of processor time; a regular expression that backtracks would take years


def test_a_body_of_known_and_unknown_members_is_accepted() -> None:
    document = {"location": "eastus", "properties": {"friendlyName": "x", "newer": [1]}, "more": {}}

    assert read_as(document, WorkspaceBody).properties is not None


@pytest.mark.parametrize(
    ("kind", "properties", "member"),
    [
        (JobBody, {"experimentName": 5}, "properties.experimentName"),
        (JobBody, {"displayName": []}, "properties.displayName"),
        (JobBody, {"isArchived": "yes"}, "properties.isArchived"),
        (JobBody, {"inputs": [1]}, "properties.inputs"),
        (JobBody, {"outputs": {"a": {"uri": 1}}}, "properties.outputs[...].uri"),
        (JobBody, {"environmentVariables": {"A=B": "c"}}, "properties.environmentVariables"),
        (JobBody, {"resources": {"instanceCount": 1.5}}, "properties.resources.instanceCount"),
        (JobBody, {"distribution": {"processCountPerInstance": 1001}}, "distribution.processCountPerInstance"),
        (JobBody, {"distribution": {"workerCount": 0}}, "properties.distribution.workerCount"),
        (JobBody, {"identity": "me"}, "properties.identity"),
        (ComputeBody, {"properties": {"subnet": "x"}}, "properties.properties.subnet"),
        (ComputeBody, {"properties": {"scaleSettings": {"maxNodeCount": True}}}, "scaleSettings.maxNodeCount"),
        (AssetBody, {"tags": ["a"]}, "properties.tags"),
        (AssetBody, {"build": {"contextUri": {}}}, "properties.build.contextUri"),
        (DatastoreBody, {"credentials": {"secrets": {"key": 1}}}, "properties.credentials.secrets.key"),
        (WorkspaceBody, {"keyVault": {"id": "x"}}, "properties.keyVault"),
    ],
)
def test_a_member_of_another_type_is_named(kind: type[msgspec.Struct], properties: dict[str, Any], member: str) -> None:
    with pytest.raises(BodyError, match="of the request body is not valid: Expected") as error:
        read_as({"properties": properties}, kind)

    assert member in str(error.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"a": ' * 61 + b"1" + b"}" * 61, "more than 60 levels deep"),
        (b'{"a": [36893488147419103232]}', "more than 64 bits"),
        (rb'{"a": "b\u0000c"}', "a NUL character"),
        (rb'{"\u0000": 1}', "a NUL character"),
    ],
)
def test_what_cannot_be_kept_is_refused_wherever_it_is(content: bytes, problem: str) -> None:
    with pytest.raises(BodyError, match=problem):
        read_document(content)


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("", 7), ("²", 7), ("٣", 7), ("-1", 7), ("1.5", 7), ("9" * 5000, 7), ("0", 0)]
)
def test_a_number_of_a_query_has_plain_digits(text: str, number: int) -> None:
    assert read_number(text, 7) == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("attributes.start_time > abc", "compared with a number"),
        ("attributes.start_time LIKE '1%'", "there is no LIKE"),
        ("metrics.loss IN (1, 2)", "there is no IN"),
    ],
)
def test_a_number_is_compared_with_a_number(text: str, problem: str) -> None:
    with pytest.raises(FilterError, match=problem):
        parse_filter(text)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("abc", True), ("ab", False), ("a%", True), ("%c", True), ("%b%", True), ("a_c", True), ("_", False),
        ("%%", True), ("a%c%", True), ("c%a", False), ("abc%c", False), ("%abc%abc%", False), ("", False),
        (".*", False),
    ],
)  # fmt: skip
def test_like_compares_as_sql_does(pattern: str, *, matches: bool) -> None:
    (clause,) = parse_filter(f"tags.a LIKE '{pattern}'")

    assert clause.holds({"tags.a": "abc"}) is matches


def test_like_holds_across_lines_and_in_any_casing_with_ilike() -> None:
    (like,), (ilike,) = parse_filter("tags.a LIKE 'a%b'"), parse_filter("tags.a ILIKE 'A%B'")

    assert like.holds({"tags.a": "a\n\nb"})
    assert ilike.holds({"tags.a": "axb"})
    assert not like.holds({"tags.a": "AxB"})


def test_no_pattern_of_like_takes_long() -> None:
    start = time.process_time()
    (clause,) = parse_filter(f"tags.a LIKE '{'%a' * 1900}b'")

    assert not clause.holds({"tags.a": "a" * 8000})
    assert time.process_time() - start < AGES


def test_no_expression_takes_long() -> None:
    start = time.process_time()

    check_command("${{" + " " * 65_000, {}, {})
    with pytest.raises(AzureMLError, match="Invalid expression"):
        check_command("${{" + " " * 65_000 + "x}}", {}, {})
    assert time.process_time() - start < AGES


def test_an_expression_may_have_spaces() -> None:
    assert expand_command("a ${{ inputs.x\n}} b", {"x": "1"}, {}) == "a 1 b"


def test_yaml_with_aliases_is_read() -> None:
    assert read_yaml("a: &x [1]\nb: *x") == {"a": [1], "b": [1]}


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "more than 20000 nodes"),
        (MERGES, "more than 20000 nodes"),
        ("&a [*a]", "more than 60 levels deep"),
        ("[" * 100 + "]" * 100, "more than 60 levels deep"),
        ("[" * 200_000, "more than 60 levels deep"),
        ("- " * 100_000 + "a", "more than 60 levels deep"),
        ("a: [", "expected"),
    ],
    ids=["sequences", "merges", "itself", "deep", "very deep", "deep blocks", "half"],
)
def test_yaml_that_becomes_large_is_refused(text: str, problem: str) -> None:
    with pytest.raises(YamlError, match=problem):
        read_yaml(text)


def test_links_and_names_that_are_no_text_are_no_artifacts(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("s", encoding="utf-8")
    (root / "folder" / "a.txt").write_text("abc", encoding="utf-8")
    (root / "dangling").symlink_to("nowhere")
    (root / "away").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    Path(f"{root}/\udcff").touch()

    assert file_names(root) == ["folder/a.txt"]
    assert folder_sizes(root, PurePosixPath()) == [("folder", None)]
    assert folder_sizes(root, PurePosixPath("folder")) == [("folder/a.txt", 3)]
    assert folder_sizes(root, PurePosixPath("away")) == []
    assert folder_sizes(root, PurePosixPath("x" * 300)) == []
    assert file_names(tmp_path / "missing") == []
