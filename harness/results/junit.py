"""Trials as a JUnit report for build servers, with one test case for each trial."""

import re
from collections.abc import Callable, Mapping, Sequence
from xml.etree import ElementTree as ET

from harness.experiments.outcomes import Outcome, Unmet
from harness.printable import printable_lines

# Characters that XML 1.0 does not allow, besides control characters, which are escaped.
_NOT_XML = re.compile("[\ufffe\uffff]")


def junit_text(
    outcomes: Sequence[Outcome],
    explain: Callable[[Outcome], str],
    sweeps: Mapping[str, Mapping[str, Unmet | None]] | None = None,
) -> bytes:
    """The report: a suite for each scenario, and in it a case for each trial, and for each expectation on its sweep.

    Args:
        outcomes: the outcomes of the trials.
        explain: returns lines that explain why a trial was not as expected.
        sweeps: results of the expectations on sweeps, by scenario and name; default none.
    """
    root = ET.Element("testsuites", name="harness")
    for scenario in dict.fromkeys(outcome.scenario for outcome in outcomes):
        members = [outcome for outcome in outcomes if outcome.scenario == scenario]
        sweep = (sweeps or {}).get(scenario, {})
        failures = sum(not outcome.is_met for outcome in members) + sum(unmet is not None for unmet in sweep.values())
        seconds = sum(map(_seconds, members))
        suite = ET.SubElement(root, "testsuite", name=_clean(scenario), time=f"{seconds:.3f}", errors="0", skipped="0")
        suite.set("tests", str(len(members) + len(sweep)))
        suite.set("failures", str(failures))
        for outcome in members:
            case = _case(suite, scenario, outcome.trial, _seconds(outcome))
            for name, value in outcome.metrics.items():
                properties = case.find("properties")
                properties = ET.SubElement(case, "properties") if properties is None else properties
                ET.SubElement(properties, "property", name=_clean(name), value=f"{value:.12g}")
            if not outcome.is_met:
                _fail(case, "; ".join(map(str, outcome.unmet)), explain(outcome))
        for name, unmet in sweep.items():
            case = _case(suite, f"{scenario}-sweep", name, 0.0)
            if unmet is not None:
                _fail(case, str(unmet), f"line {unmet.line} of the scenario: {unmet}")
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _case(suite: ET.Element, group: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_clean(group), name=_clean(name), time=f"{seconds:.3f}")


def _fail(case: ET.Element, message: str, text: str) -> None:
    ET.SubElement(case, "failure", message=_clean(message)).text = _clean(text)


def _seconds(outcome: Outcome) -> float:
    return outcome.durations.get("running", 0.0)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", printable_lines(text))
