"""``harness baseline``: metrics that are saved, and later runs that are compared with them."""

from pathlib import Path

import pytest

from harness.cli import main
from tests.results.conftest import SWEEP, MakeRun, make_run, trial

__all__ = ["make_run"]


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the directory of runs the working directory."""
    monkeypatch.chdir(tmp_path)


def test_a_run_is_not_worse_than_itself(make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, file = str(make_run(*SWEEP)), str(tmp_path / "baselines" / "s.json")
    assert main(["baseline", "save", run, file]) == 0
    assert capsys.readouterr().out == f"wrote {file}: 3 of 4 trial(s)\n"
    assert main(["baseline", "compare", run, file]) == 0
    assert capsys.readouterr().out == "6 value(s) compared, 0 better, 0 worse than allowed\n"


def test_what_is_worse_by_more_than_it_may_ends_with_1(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "s.json")
    main(["baseline", "save", str(make_run(*SWEEP)), file])
    capsys.readouterr()
    later = [trial({"rate": 0.1, "depth": 2, "epochs": 3}, {"loss": 0.625, "error": 0.1}), *SWEEP[1:]]
    run = str(make_run(*later, name="later"))
    assert main(["baseline", "compare", run, file]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "worse: loss 0.5 before, 0.625 now (rate=0.1,depth=2,epochs=3)",
        "6 value(s) compared, 1 better, 1 worse than allowed",
    ]
    assert main(["baseline", "compare", run, file, "--worse", "loss=0.2"]) == 0
    more = str(make_run(*later, name="more", goals=[["maximize", "loss"]]))
    assert main(["baseline", "compare", more, file, "--worse", "loss=0"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["save", "empty", "b.json"], "a baseline holds one scenario, and empty has no outcome"),
        (
            ["compare", "run", "no.json"],
            "the baseline no.json cannot be read: No such file or directory; write one: harness",
        ),
        (["compare", "run", "b.json", "--worse", "los=1"], "the baseline has no metric 'los'; did you mean 'loss'?"),
        (
            ["compare", "run", "b.json", "--worse", "loss"],
            "--worse loss: write METRIC=AMOUNT with a number of at least 0",
        ),
        (["compare", "empty", "b.json"], "b.json holds scenario s, of which empty has no outcome"),
    ],
)
def test_mistakes_say_what_to_do(
    make_run: MakeRun, in_project: None, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    make_run(*SWEEP)
    make_run(name="empty")
    main(["baseline", "save", "run", "b.json"])
    assert main(["baseline", *words]) == 2
    assert message in capsys.readouterr().err
