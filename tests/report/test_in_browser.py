"""The report in a browser: drawn, sorted, filtered, with pointer and keyboard, and on a phone."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.clock import SystemClock
from harness.experiments.outcomes import Outcome, OutcomeFile, Unmet
from harness.experiments.running_trials import RUNNING, RunningTrials
from harness.file_lock import lock_file
from harness.report.model import ReportOptions, document_of
from harness.report.server import ReportServer
from harness.report.writing import write_report
from harness.resources.events import StepRead, TrialMoved
from harness.results.run_record import read_run
from tests.report.conftest import HOSTILE, Browser, sweep
from tests.results.conftest import MakeRun, trial

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SHARES = {"method": "fANOVA", "shares": {"rate": 0.75, "depth": 0.25}}
OPTIONS = ReportOptions(prices={"STANDARD_NC6": 0.9}, importance_of=lambda *_: SHARES)

# Resolves when all scheduled charts are drawn, since a frame may schedule the next one.
SETTLED = "const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(done))"
# For each section with charts, whether all of them have a drawing.
DRAWN = """
const isDrawn = (canvas) => canvas.width > 0
    && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value);
const sections = [...document.querySelectorAll("section")].filter((one) => one.querySelector("canvas"));
return Object.fromEntries(sections.map((one) =>
    [one.id, [...one.querySelectorAll(".chart > canvas:first-child")].every(isDrawn)]));
"""
ROWS = """
return [...document.querySelectorAll(".trials tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
"""
COUNT = "return document.querySelector('#controls output').textContent"
FILTER = """
const input = document.querySelector("#controls input[type=search]");
input.value = arguments[0];
input.dispatchEvent(new Event("input", {bubbles: true}));
"""
SORT = """
const heading = [...document.querySelectorAll(".trials th")].find((one) => one.textContent.startsWith(arguments[0]));
heading.firstChild.click();
return heading.ariaSort;
"""
CHOOSE = """
const select = document.querySelector("#controls select");
select.value = arguments[0];
select.dispatchEvent(new Event("change"));
return document.querySelector(".tile.wide").innerText;
"""
NAMELESS = """
const name = (one) => one.getAttribute("aria-label") || one.labels?.[0]?.textContent.trim() || one.textContent.trim();
const all = [...document.querySelectorAll("button, input, select, canvas[tabindex], [role=region], meter")];
return all.filter((one) => !name(one)).map((one) => one.outerHTML);
"""
RUNS_NOW = """
const done = arguments[arguments.length - 1];
const look = () => {
    const rows = [...document.querySelectorAll("#running tbody tr")];
    const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent));
    if (document.querySelector("#running").hidden === (arguments[0] === 0) && rows.length === arguments[0]) done(texts);
    else setTimeout(look, 50);
};
look();
"""
FOLLOWED = """
const done = arguments[arguments.length - 1];
const look = () => {
    const text = document.querySelector("#controls output").textContent;
    if (text.startsWith("4")) done(text);
    else setTimeout(look, 50);
};
look();
"""
WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
CHARTS = {"curves", "history", "parallel", "slices", "contour", "pareto", "timeline"}

Show = Callable[..., Browser]


@pytest.fixture
def show(browser: Browser, make_run: MakeRun, tmp_path: Path) -> Iterator[Show]:
    """Open the report of a run in a window of a given width; at the end, the console must be empty."""

    def open_it(*outcomes: Outcome, width: int = 1400, scheme: str = "light", **plan: Any) -> Browser:
        run = make_run(*outcomes, **plan)
        write_report(run / "report.html", [read_run(run)], OPTIONS, NOW)
        browser.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False
        )
        browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open((run / "report.html").as_uri())
        browser.wait(SETTLED)
        return browser

    yield open_it
    assert browser.complaints() == []


def test_every_chart_of_a_thousand_trials_is_drawn(show: Show) -> None:
    page = show(*sweep(1000, steps=50))
    assert page.run(DRAWN) == dict.fromkeys(CHARTS, True)
    assert page.run(COUNT) == "1,000 of 1,000 trials"


def test_a_heading_sorts_and_says_so(show: Show) -> None:
    page = show(*sweep(60))
    first = page.run(ROWS)
    assert len(first) == 50
    losses = [float(row[4]) for row in first if row[4] not in ("\u2013", "nan", "inf")]
    assert losses == sorted(losses)
    assert page.run(SORT, "rate") == "ascending"
    assert page.run(SORT, "rate") == "descending"
    rates = [float(row[0]) for row in page.run(ROWS)]
    assert rates == sorted(rates, reverse=True)


def test_a_filter_keeps_what_it_says(show: Show) -> None:
    page = show(*sweep(60))
    counts = {"n<5": 5, "state=failed": 6, "depth=2 n>=100": 0, "failed": 6, "expected=yes n=3": 1, "nonsense<3": 0}
    for text, count in counts.items():
        page.run(FILTER, text)
        page.wait(SETTLED)
        is_wrong = text.startswith("nonsense")
        assert page.run(COUNT) == ("There is no field nonsense." if is_wrong else f"{count} of 60 trials")
        assert len(page.run(ROWS)) == count
        drawn = page.run("return [...document.querySelectorAll('.chart')].map((one) => one.dataset.drawn)")
        assert set(drawn) == {str(count)}


def test_pointing_at_a_chart_names_the_trial_and_marks_its_row(show: Show) -> None:
    page = show(trial({"rate": 0.5}, {"loss": 1.0}), trial({"rate": 0.25}, {"loss": 2.0}))
    page.run("document.querySelector('#history canvas:last-child').scrollIntoView({block: 'center'})")
    page.wait(SETTLED)  # the event of scrolling comes with the next frame, and hides the tip
    box = page.run(
        "const {left, top, height} = document.querySelector('#history canvas:last-child').getBoundingClientRect();"
        "return [left, top, height]"
    )
    page.point(box[0] + 100, box[1] + box[2] - 48)
    assert page.run("return document.getElementById('tip').innerText").split() == [
        "loss",
        "1",
        "rate",
        "0.5",
        "state",
        "succeeded",
    ]
    assert page.run("return [...document.querySelectorAll('tr.hovered')].map((row) => row.cells[0].textContent)") == [
        "0.5"
    ]
    page.point(box[0] + 100, box[1] + box[2] - 48, click=True)
    assert page.run("return document.querySelector('#details h2').textContent") == "rate=0.5"
    page.point(2, 2)
    assert page.run("return document.getElementById('tip').hidden")


def test_the_keyboard_goes_through_the_trials_the_best_first(show: Show) -> None:
    page = show(*sweep(24))
    page.run("document.querySelector('#curves canvas:last-child').focus()")
    best = page.run(ROWS)[0]
    page.press("\ue014")  # arrow right
    said = page.run("return document.getElementById('said').textContent")
    assert said.startswith(f"loss {best[4]}, rate {best[0]},")
    page.press("\ue006")  # enter
    assert page.run("return document.querySelectorAll('tr.chosen').length") == 1
    page.press("\ue00c")  # escape
    assert page.run("return document.getElementById('tip').hidden")


def test_the_objective_can_be_another_metric(show: Show) -> None:
    page = show(*sweep(24))
    assert page.run(CHOOSE, "seconds").startswith("Best seconds (minimize)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_light_and_dark(show: Show, scheme: str) -> None:
    page = show(*sweep(24), width=390, scheme=scheme)
    assert page.run(WIDER) == 0
    assert page.run(DRAWN) == dict.fromkeys(CHARTS, True)
    background = page.run("return getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 300) is (scheme == "dark")


def test_every_control_has_a_name(show: Show) -> None:
    assert show(*sweep(24)).run(NAMELESS) == []


def test_nothing_that_a_job_wrote_is_markup(show: Show, browser: Browser) -> None:
    failed = trial(
        {"name": HOSTILE, "other": "a"}, {"loss": 1.0}, state="failed", directory="t", errors=(HOSTILE,),
        files={"stdouterr": ["stderr.txt"]}, toolkit=HOSTILE, versions={HOSTILE: HOSTILE},
        unmet=(Unmet("expect.state", 1, HOSTILE, "succeeded"),),
    )  # fmt: skip
    page = show(failed, trial({"name": "plain", "other": "b"}, {"loss": 2.0}), description=HOSTILE)
    page.run("document.querySelector('.trials tbody button').click()")
    assert page.run("return [document.images.length, document.scripts.length]") == [0, 2]
    assert HOSTILE in page.run("return document.getElementById('failures').textContent")


@pytest.mark.parametrize("outcomes", [[], sweep(1), [trial({}, {})], [trial({"a": None}, {}), trial({"a": 1}, {})]])
def test_little_to_show_is_shown(show: Show, outcomes: list[Outcome]) -> None:
    page = show(*outcomes)
    assert page.run(COUNT) == f"{len(outcomes)} of {len(outcomes)} trial{'' if len(outcomes) == 1 else 's'}"
    assert page.run("return document.querySelectorAll('main section').length") >= 2


def test_runs_are_compared_beside_one_another(browser: Browser, make_run: MakeRun, tmp_path: Path) -> None:
    runs = [read_run(make_run(*sweep(count), name=f"run{count}")) for count in (12, 24)]
    write_report(tmp_path / "both.html", runs, OPTIONS, NOW)
    browser.open((tmp_path / "both.html").as_uri())
    browser.wait(SETTLED)
    rows = browser.run(
        "return [...document.querySelectorAll('.compare tbody tr')].map((row) => row.innerText.split('\\t')[0].trim())"
    )
    assert rows == ["run12", "run24"]
    browser.run(FILTER, "run=run12")
    assert browser.run(COUNT) == "12 of 36 trials"
    assert browser.complaints() == []


def test_a_watched_page_follows_the_run(browser: Browser, make_run: MakeRun) -> None:
    run = make_run(*sweep(3))

    def make() -> dict[str, Any]:
        return document_of([read_run(run)], replace(OPTIONS, is_live=True), NOW)

    with ReportServer(make, token="secret") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            browser.open(server.url)
            assert browser.run(COUNT) == "3 of 3 trials"
            browser.run(FILTER, "n<100")
            browser.run("document.querySelector('#controls input[type=search]').focus()")
            with lock_file(run / "run.json"):  # as a run does while it lasts
                running = RunningTrials(run / RUNNING, SystemClock())
                running(TrialMoved(HOSTILE, "job", "running"))
                running(StepRead(HOSTILE, "loss", 7, 0.25))
                ((name, state, _, loss),) = browser.wait(RUNS_NOW, 1)
                assert (name, state, loss) == (HOSTILE, "running", "0.25 (step 7)")
                running.close()
                assert browser.wait(RUNS_NOW, 0) == []
            assert browser.run(SORT, "rate") == "ascending"
            OutcomeFile(run / "outcomes.jsonl").append(sweep(4)[3])
            assert browser.wait(FOLLOWED) == "4 of 4 trials"
            assert browser.run("return document.querySelector('#controls input[type=search]').value") == "n<100"
            assert browser.run("return document.activeElement.type") == "search"
            rates = [float(row[0]) for row in browser.run(ROWS)]
            assert rates == sorted(rates)
        finally:
            browser.open("about:blank")
            server.shutdown()
            thread.join()
    assert browser.complaints() == []


def test_names_that_every_object_of_javascript_has_are_names_like_others(show: Show) -> None:
    names = ("constructor", "toString", "__proto__")
    with_them = trial({"a": 1}, dict.fromkeys(names, 1.0), series={name: [2.0, 1.0] for name in names})
    page = show(with_them, trial({"a": 2}, {}), trial({"a": 3}, {"loss": 1.0}))
    assert page.run(COUNT) == "3 of 3 trials"
    for name in names:
        assert name in page.run(CHOOSE, name)
