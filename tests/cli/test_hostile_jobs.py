"""``harness run`` of hostile jobs, and of jobs that fail in unusual ways."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

Write = Callable[..., Path]


def outcomes(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "outcomes.jsonl").read_text().splitlines()]


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ESCAPES = """\
printf 'score = 1 \\033]0;title\\007\\033]52;c;ZXZpbA==\\007\\033[2J\\n'
printf 'c1 \\302\\233 31m\\n'
exit 3
"""


def test_no_escape_sequence_of_a_description_or_of_a_log_reaches_the_terminal(
    scenario: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(script=ESCAPES, scenario='scenario: short\ndescription: "\\e]0;PWNED\\a\\e[2J red"')
    assert main(["run", str(path), "--out", "here"]) == 1
    shown = capsys.readouterr()

    assert not CONTROL.search(shown.out + shown.err)
    assert r"\x1b]0;PWNED\x07\x1b[2J red" in shown.out
    assert r"default | score = 1 \x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J" in shown.out
    assert r"    c1 \x9b 31m" in shown.out, "the failure view"


ODD_NAMES = r"""
cd "$AZ_BATCHAI_OUTPUT_MODEL"
python3 - <<'END'
names = [b"na\xefve", b"a\nb", b"?x#y", b"x" * 255, b"50%", b"model.txt"]
for name in names: open(name, "w").write("model")
END
echo "score = 1"
"""


def test_files_that_cannot_be_fetched_are_errors_of_the_outcome_and_hide_no_other(
    scenario: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(scenario(script=ODD_NAMES)), "--out", "here"]) == 0
    (outcome,) = outcomes(Path("here"))
    fetched = {path.name for path in Path("here/default/MODEL").iterdir()}

    assert fetched == {"model.txt", "50%", "x" * 255}
    starts = [
        "cannot read ?x#y of job j: 400 ",
        r"cannot read a\x0ab of job j: 400 ",
        "cannot read na\ufffdve of job j: 404 ",
    ]
    assert [error.startswith(start) for error, start in zip(outcome["errors"], starts, strict=True)] == [True] * 3
    assert "note: trial default: cannot read ?x#y of job j: 400 " in capsys.readouterr().out


def test_a_job_may_leave_more_files_than_a_list_has_room_for(scenario: Write) -> None:
    script = 'cd "$AZ_BATCHAI_OUTPUT_MODEL"; seq 1001 | sed "s/$/.txt/" | xargs touch; echo "score = 1"'
    assert main(["run", str(scenario(script=script)), "--out", "here"]) == 0

    assert len(outcomes(Path("here"))[0]["files"]["MODEL"]) == 1001


def test_a_diverged_job_is_judged_by_its_last_value(scenario: Write, capsys: pytest.CaptureFixture[str]) -> None:
    script = 'for score in 1 0.5 inf nan; do echo "score = $score"; done; touch $AZ_BATCHAI_OUTPUT_MODEL/m.txt'
    pattern = r"metrics: {score: {file: stdout.txt, pattern: 'score = (\S+)', step: true}}"
    assert main(["run", str(scenario(script=script, metrics=pattern)), "--out", "here"]) == 1

    assert outcomes(Path("here"))[0]["series"] == {"score": [1.0, 0.5, "inf", "nan"]}
    shown = capsys.readouterr().out
    assert "    observed: nan\n    expected: at most 2\n" in shown


def test_a_job_that_writes_faster_than_it_is_shown_is_stopped_in_time(
    scenario: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    script = 'yes "score = 1" | head -c 60000000; sleep 600'
    assert main(["run", str(scenario(script=script, limits="limits: {running: PT3S}")), "--out", "here"]) == 1
    shown = capsys.readouterr().out

    assert re.search(r"default \| \.\.\. \d+ (lines|bytes) of stdout\.txt are not shown", shown)
    assert len(shown) < 5_000_000
    assert outcomes(Path("here"))[0]["exit_code"] is None, "it was stopped"


@pytest.mark.parametrize(
    ("toolkit", "log"),
    [("pyTorch", "stdout-0.txt"), ("tensorFlow", "stdout-wk-0.txt"), ("customToolkit", "stdout.txt")],
)
def test_metrics_and_the_end_of_the_log_are_there_for_every_toolkit(
    scenario: Write, capsys: pytest.CaptureFixture[str], toolkit: str, log: str
) -> None:
    path = scenario(script="print('score = 9')")
    text = path.read_text().replace("toolkit: customToolkit", f"toolkit: {toolkit}")
    if toolkit != "customToolkit":
        text = re.sub("command: sh .*", "script: $AZ_BATCHAI_INPUT_S/train.sh", text)
    else:
        text = text.replace("command: sh", "command: python3")
    path.write_text(text)
    assert main(["run", str(path), "--out", "here"]) == 1

    assert outcomes(Path("here"))[0]["metrics"] == {"score": 9.0}
    shown = capsys.readouterr().out
    assert f"{log}, its last 1 line(s):\n    score = 9\n" in shown
    assert "default | score = 9\n" in shown
