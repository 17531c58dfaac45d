"""Runs for reports, and a browser for their pages."""

import json
import math
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.experiments.outcomes import Outcome
from tests.results.conftest import make_run, trial

__all__ = ["make_run"]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def sweep(count: int, steps: int = 10) -> list[Outcome]:
    """``count`` trials of a sweep; every tenth failed and every eleventh diverged."""
    drawn = random.Random(count)
    outcomes = []
    for number in range(count):
        rate, depth = 10 ** drawn.uniform(-4, -1), drawn.choice([2, 3, 4])
        quality = (math.log10(rate) + 2.5) ** 2 / 10 + depth / 100
        loss = [2 * math.exp(-step / 5) + quality for step in range(steps)]
        parameters = {
            "rate": rate,
            "depth": depth,
            "optimizer": drawn.choice(["adam", "sgd"]),
            "epochs": 3,
            "n": number,
        }
        times = {"started": f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}+00:00",
                 "ended": f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}.900000+00:00"}  # fmt: skip
        is_failed, has_diverged = number % 10 == 5, number % 11 == 7
        if has_diverged:
            loss[-3:] = [math.inf, math.nan, math.nan]
        metrics = {} if is_failed else {"loss": loss[-1], "seconds": rate * 100 + depth}
        outcomes.append(
            trial(parameters, metrics, series={"loss": loss}, times=times, state="failed" if is_failed else "succeeded",
                  exit_code=int(is_failed), directory=f"t{number}")
        )  # fmt: skip
    return outcomes


ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--window-size=1400,1000",
)  # fmt: skip


class Browser:
    """A page in headless Chromium, by the W3C's WebDriver protocol."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self._url}/{path}", json=body, timeout=300)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def open(self, url: str) -> None:
        self._post("url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script and return its result."""
        return self._post("execute/sync", script=script, args=list(arguments))

    def wait(self, script: str, *arguments: Any) -> Any:
        """Run a script and return the value that it passes to its last argument, a function."""
        return self._post("execute/async", script=script, args=list(arguments))

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def press(self, key: str) -> None:
        """Press a key on the focused element."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def point(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the pointer to a position in the window."""
        actions: list[dict[str, Any]] = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}]
        if click:
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._post("actions", actions=[{"type": "pointer", "id": "mouse", "actions": actions}])

    def complaints(self) -> list[str]:
        """The console's messages since the last call."""
        return [entry["message"] for entry in self._post("se/log", type="browser")]


@contextmanager
def chromium(directory: Path) -> Iterator[Browser]:
    """A browser with a temporary profile; skips the test with the reason if it cannot start."""
    words = ["chromedriver", "--port=0", f"--log-path={directory / 'chromedriver.log'}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        try:
            lines = (line for line in driver.stdout or () if "successfully on port" in line)
            port = next(lines, "nothing").split()[-1].rstrip(".")
            if not port.isdigit():
                pytest.skip("chromedriver does not start on this machine")
            answer = requests.post(f"http://127.0.0.1:{port}/session", json=wanted(directory), timeout=300)
            if answer.status_code != 200:
                pytest.skip(f"Chromium does not start on this machine: {answer.json()['value']['message'][:300]}")
            session = f"http://127.0.0.1:{port}/session/{answer.json()['value']['sessionId']}"
            yield Browser(session)
            requests.delete(session, timeout=300)
        finally:
            driver.terminate()


def wanted(directory: Path) -> dict[str, Any]:
    """The capabilities of a session: headless Chromium with a console log."""
    options = {"args": [*ARGUMENTS, f"--user-data-dir={directory}"], "binary": shutil.which("chromium")}
    timeouts = {"script": 300_000, "pageLoad": 300_000}
    capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": timeouts}
    return {"capabilities": {"alwaysMatch": capabilities}}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for a module; skips if there is none."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def logs() -> Callable[[Path, Outcome, str], Outcome]:
    """Give a trial of a run a log."""

    def write(run: Path, outcome: Outcome, text: str) -> Outcome:
        (run / outcome.directory).mkdir(exist_ok=True)
        (run / outcome.directory / "stderr.txt").write_text(text)
        return outcome

    return write


def embedded(page: str) -> dict[str, Any]:
    """The data of a page."""
    document: dict[str, Any] = json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
    return document
