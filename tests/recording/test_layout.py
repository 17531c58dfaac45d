"""What is read without a YAML parser equals what a YAML parser reads, or is left to it."""

import json
import os
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.recording.layout import UnexpectedLayoutError, read_item

WORDS = st.sampled_from(
    [
        "OK", "null", "yes", "on", "a b", "a: b", "x #y", "#c", "-", "- a", "'q'", '"d"', "a''b", "\\n", "\\", "12",
        "1.5", "0x1", "2018-01-01", "é", "\n", " ", "\n\n", "a\nb", "long word " * 12, "|", ">", "&a", "*a", "!t", "%",
        "@", "`", "{a}", "[b]", "a,b", "\u2028", "\x85", "\t", "😀", "---", "...", "\n---\n", "=", "<<", "~", ":", "a:",
        "?", "? a", "'", '"', "x\\\ny",
    ]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=4).map("".join) | st.text(max_size=20)
BODIES = st.none() | TEXTS | st.binary(max_size=99) | st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps)
PRETTY = st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda value: json.dumps(value, indent=2, ensure_ascii=False))
HEADERS = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z-]{0,8}", fullmatch=True), st.lists(TEXTS, min_size=1, max_size=2)
)
INTERACTIONS = st.fixed_dictionaries(
    {
        "request": st.fixed_dictionaries(
            {"method": st.just("GET"), "uri": TEXTS, "headers": HEADERS, "body": BODIES | PRETTY}
        ),
        "response": st.fixed_dictionaries(
            {
                "status": st.fixed_dictionaries({"code": st.integers(0, 999), "message": TEXTS}),
                "headers": HEADERS,
                "body": st.fixed_dictionaries({"string": BODIES | PRETTY}),
            }
        ),
    }
)
STYLES = st.fixed_dictionaries(
    {"sort_keys": st.booleans(), "allow_unicode": st.booleans(), "width": st.sampled_from([20, 80, 4096])}
)


class Literal(yaml.CSafeDumper):
    """Writes text of several lines as it is."""


Literal.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def no_alias(name: str) -> bytes:
    raise UnexpectedLayoutError


def read(text: str) -> Any:
    """The item; a marker where it is left to a YAML parser."""
    try:
        return read_item(text, no_alias)
    except UnexpectedLayoutError:
        return None


@given(INTERACTIONS, STYLES, st.sampled_from([yaml.CSafeDumper, Literal]))
def test_what_is_read_is_what_was_written(item: dict[str, Any], style: dict[str, Any], dumper: type) -> None:
    found = read(yaml.dump([item], Dumper=dumper, **style))

    assert found is None or repr(found) == repr(
        yaml.load(yaml.dump([item], Dumper=dumper, **style), yaml.CSafeLoader)[0]
    )


@settings(max_examples=2000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 50)
@given(INTERACTIONS, STYLES, st.sampled_from([yaml.CSafeDumper, Literal]), st.data())
def test_damage_is_read_as_yaml_reads_it(item: dict[str, Any], style: dict[str, Any], dumper: type, data: Any) -> None:
    text = yaml.dump([item], Dumper=dumper, **style)
    at = data.draw(st.integers(2, len(text) - 1))
    damaged = (
        text[:at] + data.draw(st.sampled_from(["", *"\n '\"|-:#\\a&*!~0"])) + text[at + data.draw(st.booleans()) :]
    )

    found = read(damaged)

    assert found is None or [repr(found)] == [repr(one) for one in yaml.load(damaged, yaml.CSafeLoader)]


@pytest.mark.parametrize("dumper", [yaml.CSafeDumper, Literal])
def test_an_ordinary_interaction_is_not_left_to_yaml(dumper: type) -> None:
    body = json.dumps({"name": "myjob", "tags": {"text": "it's: #1"}}, indent=2)
    item = {
        "request": {"method": "GET", "uri": "https://a/b?c=d", "headers": {"Accept": ["*/*"]}, "body": None},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"ETag": ['"0x8D"'], "P3P": ["CP=a, b"], "Expires": ["-1"]},
            "body": {"string": body},
        },
    }

    assert read(yaml.dump([item], Dumper=dumper)) == item
