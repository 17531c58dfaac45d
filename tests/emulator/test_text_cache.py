"""Results for short texts are cached; those for long texts are not, so that no client can fill the memory."""

import pytest

from harness.emulator.text_cache import text_cache


def test_a_text_that_comes_again_has_the_same_result() -> None:
    split = text_cache(str.split)

    assert split("a b") is split("a b")


def test_the_result_of_a_long_text_is_not_cached() -> None:
    split = text_cache(str.split)
    text = "a " * 1000

    assert split(text) == split(text)
    assert split(text) is not split(text)


def test_an_error_is_raised_again() -> None:
    number = text_cache(int)

    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            number("one")
