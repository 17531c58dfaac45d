"""Patterns of scenarios: they mean what Python's ``re`` means, and take no longer than they may."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments import pattern_worker
from harness.experiments.pattern_matching import PatternError, PatternMatcher

FOREVER = r"(x+x+)+y"


@pytest.fixture
def matcher() -> Iterator[PatternMatcher]:
    with PatternMatcher() as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "stdout.txt"


def test_the_last_matches_are_returned_and_all_are_counted(matcher: PatternMatcher, log: Path) -> None:
    log.write_text("loss = 1\nloss = 2\nloss = 3\n")
    matches = matcher.find(r"loss = (\S+)", log, keep=2, seconds=5)

    assert (matches.texts, matches.count) == (("2", "3"), 3)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"x{e}(.)", "x{e}1"),  # fuzzy in other libraries
        (r"([[:alpha:]])", ":]"),  # a POSIX class in others
        (r"a(\s)", "a\x1c"),
        (r"(?m)^loss (\d)$", "loss 1\nloss 2"),
        (r"(?s)epoch 1.*loss (\d)", "epoch 1\nloss 2"),
        (r"(?<=epoch )(\d)", "epoch 7"),
    ],
)
@pytest.mark.filterwarnings("ignore:Possible nested set")
def test_a_pattern_means_what_it_means_to_re(matcher: PatternMatcher, log: Path, pattern: str, text: str) -> None:
    log.write_text(text)

    assert list(matcher.find(pattern, log, keep=9, seconds=5).texts) == [
        match[1] for match in re.finditer(pattern, text)
    ]


def test_a_pattern_that_backtracks_for_ever_is_stopped_and_the_next_one_works(
    matcher: PatternMatcher, log: Path
) -> None:
    log.write_text("x" * 10_000)
    with pytest.raises(PatternError, match=r"^takes longer than 0\.1 s$"):
        matcher.find(FOREVER, log, keep=1, seconds=0.1)

    assert matcher.find("(x)$", log, keep=1, seconds=5).texts == ("x",)


@pytest.mark.slow  # 2 GiB are filled
def test_a_pattern_that_takes_too_much_memory_is_stopped(matcher: PatternMatcher, log: Path) -> None:
    log.write_text("ab\n" * (7 << 20))
    with pytest.raises(PatternError, match=r"^takes too much memory$"):
        matcher.find(r"\A((?:(?:a|b)+|\n)*)c", log, keep=1, seconds=300)


def test_lines_with_a_match_are_distinguished_from_others(matcher: PatternMatcher) -> None:
    lines = ["loss = 1", "nothing", "acc = 2"]

    assert matcher.match_lines(["loss", "acc"], lines, seconds=5) == [True, False, True]
    with pytest.raises(PatternError):
        matcher.match_lines([FOREVER], ["x" * 4000], seconds=0.1)


def test_a_worker_that_was_killed_is_replaced(matcher: PatternMatcher, log: Path) -> None:
    log.write_text("x")
    matcher.find("(x)", log, keep=1, seconds=5)
    assert matcher._process is not None
    os.kill(matcher._process.pid, signal.SIGKILL)
    with pytest.raises(PatternError):
        matcher.find("(x)", log, keep=1, seconds=5)

    assert matcher.find("(x)", log, keep=1, seconds=5).count == 1


def test_every_kind_of_line_end_is_a_newline_and_other_encodings_do_no_harm(log: Path) -> None:
    log.write_bytes(b"a\r\nb\rc\nPr\xe4z\n")

    assert pattern_worker.bounded_text(str(log)) == "a\nb\nc\nPr\ufffdz\n"


def test_of_a_long_line_both_ends_are_read(log: Path) -> None:
    log.write_text(f"first\nbegin{'x' * (11 << 20)}end\nlast\n")
    lines = pattern_worker.bounded_text(str(log)).splitlines()

    assert (lines[0], lines[2]) == ("first", "last")
    assert lines[1].startswith("beginx")
    assert lines[1].endswith("xend")
    assert len(lines[1]) < 2 * pattern_worker.LONGEST_LINE


def test_of_a_huge_log_both_ends_are_read(log: Path) -> None:
    with log.open("wb") as stream:
        stream.write(b"first\n")
        stream.truncate(300 << 20)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\nlast\n")
    text = pattern_worker.bounded_text(str(log))

    assert text.startswith("first\n")
    assert text.endswith("\nlast\n")
    assert len(text) < 1 << 20, "the middle is one line"


@given(st.lists(st.text(st.sampled_from("ab\n")), max_size=5))
def test_a_log_of_ordinary_size_is_read_whole(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    log = tmp_path_factory.mktemp("log") / "stdout.txt"
    log.write_text("".join(pieces))

    assert pattern_worker.bounded_text(str(log)) == "".join(pieces)
