"""Trials as a JUnit report."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from harness.experiments.outcomes import Unmet
from harness.results.junit import junit_text
from tests.results.conftest import SWEEP


def test_each_trial_is_a_case_and_what_is_unmet_a_failure() -> None:
    root = ET.fromstring(junit_text(SWEEP, lambda outcome: f"why {outcome.trial}\nlog"))
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("s", "4", "1")
    assert [case.get("name") for case in suite] == [outcome.trial for outcome in SWEEP]
    assert [case.get("time") for case in suite] == ["2.500"] * 4
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "expect.state: failed, expected succeeded"
    assert failure.text == f"why {SWEEP[3].trial}\nlog"
    assert {prop.get("name"): prop.get("value") for prop in suite[0].iter("property")} == {
        "loss": "0.5",
        "error": "0.2",
    }


def test_what_is_expected_of_a_sweep_is_a_case_too() -> None:
    unmet = Unmet("sweep.expect.failures", 9, "1: t", "at most 0")
    root = ET.fromstring(junit_text(SWEEP[:1], str, {"s": {"best=loss": None, "failures=0": unmet}}))
    cases = {(case.get("classname"), case.get("name")): case.find("failure") for case in root.iter("testcase")}
    assert cases["s-sweep", "best=loss"] is None
    assert cases["s-sweep", "failures=0"] is not None


def test_whatever_jobs_wrote_is_xml() -> None:
    bad = "\x1b[31m\x00 \ufffe \ud800 ]]> <b>"
    outcome = replace(SWEEP[3], trial=bad, scenario=bad)
    root = ET.fromstring(junit_text([outcome], lambda _outcome: bad))
    assert next(root.iter("testcase")).get("name") == "\\x1b[31m\\x00 \ufffd \\ud800 ]]> <b>"
