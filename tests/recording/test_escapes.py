"""Escapes are undone layer by layer, and a piece of a layer is mapped back to the original text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recording.escapes import Layer, layers
from tests.recording.hiding import ENCODINGS

ESCAPING = [name for name in ENCODINGS if not name.startswith(("base64", "hexadecimal digits"))]
CHARACTERS = st.characters(min_codepoint=32, max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc", "Cn"])
TEXTS = st.text(CHARACTERS, min_size=1, max_size=20)
PIECES = st.sampled_from(
    ["%41", "%25", "%C3%A9", "%ff", "&amp;", "&#65;", "\\u0041", "\\ud83d\\ude00", "\\xc3\\xa9", "\\n", "a", "%", "\\"]
)


def unchanged(placeholder: str, replaced: str) -> str:
    del replaced
    return placeholder


@pytest.mark.parametrize("encoding", ESCAPING)
@given(TEXTS)
def test_a_text_is_one_of_the_layers_of_what_it_is_written_as(encoding: str, text: str) -> None:
    written = ENCODINGS[encoding](text).replace("+", " ") if encoding == "a form" else ENCODINGS[encoding](text)

    assert text in [layer.text for layer in layers(written)]


@given(st.lists(PIECES, max_size=8), st.lists(PIECES, min_size=1, max_size=3), st.lists(PIECES, max_size=8))
def test_replacing_all_of_a_piece_leaves_the_rest_as_it_is_written(
    before: list[str], piece: list[str], after: list[str]
) -> None:
    start, middle, end = map("".join, (before, piece, after))
    layer = Layer(f"{start} {middle} {end}").above()
    if layer is None:
        return
    first = len(getattr(Layer(f"{start} ").above(), "text", f"{start} "))
    last = first + len(getattr(Layer(middle).above(), "text", middle))

    assert layer.span(first, last) == (len(start) + 1, len(start) + 1 + len(middle))
    replaced = layer.replaced([(first, last, "X")], unchanged)
    assert replaced.original == f"{start} X {end}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("%53ecret", "a%2Fb%26c"),
        ("&#83;ecret", "a/b&amp;c"),
        ("\\u0053ecret", "a/b&c"),
        ("%2553ecret", "a%252Fb%2526c"),
    ],
)
def test_a_replacement_is_escaped_like_what_it_replaces(written: str, expected: str) -> None:
    layer = next(layer for layer in layers(written) if layer.text == "Secret")

    assert layer.replaced([(0, 6, "a/b&c")], unchanged).original == expected
