"""Lines of a log that arrives in arbitrary pieces."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.log_lines import LONGEST, LineSplitter, last_lines, nearest_lines


def lines_of(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.end()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo", ["one", "two"]),
        (b"\r 0%|\r50%|#\r100%|##\n", ["100%|##"]),
        (b"50%\r\r\n", ["50%"]),
        (b"Gr\xf6\xdfe\n", [r"Gr\xf6\xdfe"]),
        ("caf\u00e9 \u2028 \x0c \x85\n".encode(), ["caf\u00e9 \u2028 \x0c \x85"]),
        (b"\n\n", ["", ""]),
        (b"", []),
    ],
)
def test_a_log_is_split_at_newlines_and_carriage_returns_overwrite(content: bytes, lines: list[str]) -> None:
    assert lines_of(content) == lines


@given(st.lists(st.binary().map(lambda piece: piece.translate(bytes(b"a\r\n\xe4"[i % 4] for i in range(256))))))
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    assert lines_of(*pieces) == lines_of(b"".join(pieces))


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=50)),
    st.integers(1, 9),
)
def test_every_line_is_reported_once(lines: list[str], size: int) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    pieces = [content[at : at + size] for at in range(0, len(content), size)]

    assert lines_of(*pieces) == lines


def test_of_a_long_line_the_two_ends_are_kept() -> None:
    splitter = LineSplitter()
    splitter.feed(b"begin")
    for _ in range(200):
        assert splitter.feed(b"x" * 65536) == []
    (line, following) = splitter.feed(b"end\nnext\n")

    assert line == f"begin{'x' * 3067} ... ({200 * 65536 + 8 - LONGEST} bytes) ... {'x' * 1021}end"
    assert following == "next"


def test_of_many_lines_the_last_are_returned() -> None:
    splitter = LineSplitter()
    splitter.feed(b"begun")

    assert splitter.feed(b" 0\n1\n2\n3\nrest", most=2) == ["2", "3"]
    assert splitter.feed(b" of it\n", most=2) == ["rest of it"]


def test_after_a_gap_the_rest_of_a_line_is_left_out() -> None:
    splitter = LineSplitter()
    splitter.feed(b"begun")
    splitter.restart(inside=True)

    assert splitter.feed(b"the rest") == []
    assert splitter.feed(b" of it\nnext\n") == ["next"]


def test_the_last_lines_of_a_large_file_are_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
        stream.seek(0, 2)
        stream.write(b"\none\ntwo\n")

    assert last_lines(path, 2) == ["one", "two"]
    assert last_lines(tmp_path / "missing", 2) == []


def test_the_nearest_lines_share_words_with_the_pattern_or_the_metric(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("epoch 1\nValidation accuracy is 0.9\nsomething else\naccuracy 0.8\n")

    assert nearest_lines(path, "accuracy", r"validation acc\w+: ([0-9.]+)", 1) == ["Validation accuracy is 0.9"]
    assert nearest_lines(path, "loss", "loss=(.)", 2) == []
