"""Expressions about tags combine the meaning of their parts; invalid ones are refused with a position."""

import operator
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.providers.blobs.tag_expressions import ExpressionError, parse_condition, parse_search

COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
KEYS, VALUES = st.sampled_from(["a", "b", "key one"]), st.text("abAB09 -./:=_+", max_size=3)
TAGS = st.dictionaries(KEYS, VALUES)
BLANKS = st.sampled_from(["", " ", "\t "])

Meaning = tuple[str, Callable[[dict[str, str]], bool]]  # an expression, and its result for tags


@st.composite
def comparisons(draw: st.DrawFn, operators: tuple[str, ...] = tuple(COMPARE)) -> Meaning:
    key, name, value = draw(KEYS), draw(st.sampled_from(operators)), draw(VALUES)
    key_text = key if " " not in key and draw(st.booleans()) else f'"{key}"'
    text = f"{draw(BLANKS)}{key_text}{draw(BLANKS)}{name}{draw(BLANKS)}'{value}'"
    return text, lambda tags: COMPARE[name](tags[key], value) if key in tags else name == "<>"


def joined(parts: st.SearchStrategy[Meaning]) -> st.SearchStrategy[Meaning]:
    """Return expressions of two parts, in parentheses."""

    def both(first: Meaning, second: Meaning, word: str) -> Meaning:
        text = f"({first[0]} {word} {second[0]})"
        if word.lower() == "and":
            return text, lambda tags: first[1](tags) and second[1](tags)
        return text, lambda tags: first[1](tags) or second[1](tags)

    return st.builds(both, parts, parts, st.sampled_from(["AND", "and", "OR", "Or"]))


@given(st.recursive(comparisons(), joined, max_leaves=8), TAGS)
def test_a_condition_holds_when_its_parts_say_so(meaning: Meaning, tags: dict[str, str]) -> None:
    assert parse_condition(meaning[0])(tags) == meaning[1](tags)


@given(st.lists(comparisons(("=", "<", "<=", ">", ">=")), min_size=1, max_size=5), TAGS)
def test_a_search_wants_all_of_its_parts(parts: list[Meaning], tags: dict[str, str]) -> None:
    assert parse_search(" AND ".join(text for text, _ in parts)).holds(tags) == all(holds(tags) for _, holds in parts)


def test_and_binds_more_than_or() -> None:
    expression = parse_condition("a = '1' OR b = '1' AND c = '1'")

    assert expression({"a": "1"})
    assert not expression({"b": "1"})
    assert expression({"b": "1", "c": "1"})


def test_a_search_knows_containers() -> None:
    search = parse_search("@container = 'box' AND \"Project\" = 'x'")

    assert search.holds({"@container": "box", "Project": "x"})
    assert not search.holds({"@container": "other", "Project": "x"})
    assert search.keys == {"@container", "Project"}


@given(st.text("ab'\"=<>()@ \tANDOR1\n", max_size=30))
def test_whatever_else_is_sent_is_refused(text: str) -> None:
    for parse in (lambda text: parse_search(text).holds, parse_condition):
        with suppress(ExpressionError):
            assert parse(text)({"a": "1"}) in (True, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "position 1: unexpected end"),
        ("a", "position 2: unexpected end"),
        ("a = b", "position 5: unexpected 'b'"),
        ("a = 'b", "position 5: unexpected '''"),
        ("a <> 'b'", "position 3: unexpected '<>'"),
        ("a = '1' OR b = '2'", "position 9: unexpected 'OR'"),
        ("(a = '1')", "position 1: unexpected '('"),
        ("and = '1'", "position 1: unexpected 'and'"),
        ("@container = 'box'", "at least one tag name"),
        ("@container > 'box' and a = '1'", "position 12: unexpected '>'"),
        ("a = '1' AND ", "position 12: unexpected end"),
        ("a" * 9000, "more than 8192 characters"),
        (" AND ".join(["a = '1'"] * 65), "more than 64 comparisons"),
    ],
)
def test_the_problem_of_a_search_is_reported(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as error:
        parse_search(text)

    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("@container = 'a'", "@container is not allowed"), ("(a = '1'", "unexpected end"), ("(" * 20, "more than 16")],
)
def test_the_problem_of_a_condition_is_reported(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as error:
        parse_condition(text)

    assert problem in str(error.value)
