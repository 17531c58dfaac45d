import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.ray.rewriting import Rewriting, outermost

DATA, JOB, NODE = Path("/home/a user's/dätä"), Path("/var/tmp/b/job-1/files"), Path("/var/tmp/b/node-2")
REWRITING = Rewriting([(DATA, JOB), (DATA / "nodes" / "n1", NODE)])


@pytest.mark.parametrize("written", [str, shlex.quote, json.dumps, lambda text: json.dumps([shlex.quote(text)])])
def test_a_directory_is_replaced_however_it_is_written(written: Callable[[str], str]) -> None:
    text = written(f"{DATA}/share/file")

    assert "/var/tmp/b/job-1/files/share/file" in REWRITING.text(text)
    assert "user" not in REWRITING.text(text)


def test_the_command_stays_one_for_a_shell() -> None:
    command = f"cp -R {shlex.quote(f'{DATA}/a file')} {shlex.quote(f'{DATA}/nodes/n1/x')} --into={DATA}:/usr/bin"

    assert shlex.split(REWRITING.text(command)) == [
        *("cp", "-R", f"{JOB}/a file", f"{NODE}/x"),
        f"--into={JOB}:/usr/bin",
    ]


@given(st.sampled_from("2b_-.~ä"), st.text(max_size=8))
def test_a_longer_name_is_another_directory(letter: str, ending: str) -> None:
    text = f"/data{letter}{ending}/x".replace("/data/", "/other/")

    assert Rewriting([(Path("/data"), JOB)]).text(text) == text


@given(st.lists(st.text("ab ä'\"\\$", min_size=1, max_size=6), max_size=4))
def test_a_plan_keeps_its_shape(names: list[str]) -> None:
    below = "/".join(["x", *names])
    plan = {f"{DATA}/{below}": [f"{DATA}/{below}", json.dumps({"cwd": f"{DATA}/{below}"}), 1, None]}

    rewritten: Any = REWRITING.value(plan)
    [(key, [path, nested, *rest])] = rewritten.items()

    assert key == path == json.loads(nested)["cwd"] == f"{JOB}/{below}" == str(REWRITING.path(DATA / "x")) + below[1:]
    assert rest == [1, None]


def test_texts_are_replaced_before_the_directories_in_them() -> None:
    rewriting = Rewriting([(DATA, JOB)], {f"file://{DATA}/shared/init": "tcp://@address(n0)@:29500"})
    order = json.dumps({"INIT": f"file://{DATA}/shared/init", "OTHER": f"file://{DATA}/shared/init2"})

    assert json.loads(rewriting.text(order)) == {
        "INIT": "tcp://@address(n0)@:29500",
        "OTHER": f"file://{JOB}/shared/init2",
    }


def test_paths_are_mapped_to_the_innermost_directory() -> None:
    assert REWRITING.path(DATA / "nodes" / "n1" / "mounts") == NODE / "mounts"
    assert REWRITING.path(DATA / "nodes" / "n2") == JOB / "nodes" / "n2"
    assert REWRITING.path(Path("/usr/bin")) == Path("/usr/bin")


def test_directories_in_others_are_left_out() -> None:
    paths = [Path("/a/b"), Path("/a"), Path("/ab"), Path("/a")]

    assert outermost(paths) == (Path("/a"), Path("/ab"))
