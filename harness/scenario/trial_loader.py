"""Creates a scenario and its trials from a document and the values of its parameters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import ScenarioError
from harness.scenario.cluster import ClusterSpec
from harness.scenario.consistency import trial_mistakes
from harness.scenario.document import Document, FieldPath
from harness.scenario.fields import may_be_null, takes_text
from harness.scenario.inheritance import own_lines
from harness.scenario.job import JobSpec
from harness.scenario.mistakes import lines_of
from harness.scenario.model import ExpectSpec, Origin, Scenario, Trial
from harness.scenario.names import cluster_name, trial_id
from harness.scenario.space import Point, Space
from harness.scenario.template import LITERAL, TemplateError, fill, fill_command, fill_text, names_in
from harness.scenario.trials import Trials
from harness.scenario.values import Scalar

M = TypeVar("M", bound=BaseModel)

_COMMANDS = (  # fields that a shell reads
    ("cluster", "setup", "command"),
    *(("job", name) for name in ("command", "args", "worker_args", "parameter_server_args", "preparation")),
)


def refuse(mistakes: Sequence[str]) -> None:
    """Report all mistakes together, without duplicates.

    Raises:
        ScenarioError: there are mistakes.
    """
    if mistakes:
        raise ScenarioError("\n".join(dict.fromkeys(mistakes)))


def texts_in(data: Any, field_path: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    """Yield every text in a part of a scenario, with the path of its field."""
    if isinstance(data, str):
        yield field_path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from texts_in(value, (*field_path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from texts_in(value, (*field_path, index))


@dataclass(frozen=True, slots=True)
class TrialLoader:
    """Creates the scenario and its trials.

    Attributes:
        parameters: values from the file and the command line, by name.
        swept: the names that vary.
    """

    document: Document
    parameters: Mapping[str, Scalar]
    swept: tuple[str, ...]

    def load(self, space: Space, examples: Sequence[Point] = ()) -> Scenario:
        """Create the scenario with the trials of a space; for a search, whose space is empty, check examples.

        Raises:
            ScenarioError: the scenario or a trial is wrong; of very many trials, each swept value is checked once.
        """
        scenario = self._scenario(examples[0] if examples else space[0])
        trials = Trials(space, partial(self._trial, scenario), examples)
        for _trial in trials.sample():
            pass  # iteration creates and validates the trial
        origin = Origin(
            self.document.path, own_lines(self.document), trials, self.swept, partial(self._trial, scenario)
        )
        return Scenario.model_validate(scenario.model_dump(by_alias=True), context=origin)

    def _scenario(self, point: Point) -> Scenario:
        """Create the scenario with the values of a trial."""
        values = {**self.parameters, **point}
        mistakes: list[str] = []
        sections = {name: self._fill_section(name, values, mistakes) for name in self.document.data}
        sweep = sections.get("sweep")
        data = {**sections, "parameters": values, "sweep": {} if sweep is None else sweep}
        scenario = self._validate(Scenario, data, (), mistakes)
        refuse(mistakes)
        return scenario

    def _trial(self, scenario: Scenario, point: Point, name: str | None = None) -> Trial:
        values = {**self.parameters, **point}
        mistakes: list[str] = []
        cluster = self._cluster(scenario, values, mistakes)
        job = self._validate(JobSpec, self._fill_section("job", values, mistakes), ("job",), mistakes)
        expected = self._fill_section("expect", values, mistakes) if "expect" in self.document.data else {}
        expect = self._validate(ExpectSpec, expected, ("expect",), mistakes)
        if not mistakes:
            trial_problems = trial_mistakes(scenario.on(cluster), job, expect)
            mistakes += [f"{self.document.at(path)}: {text}" for path, text in trial_problems]
        trial = name or trial_id(point)
        refuse([f"{mistake} (in trial {trial})" for mistake in mistakes])
        return Trial(id=trial, parameters=values, cluster=cluster, job=job, expect=expect)

    def _cluster(self, scenario: Scenario, values: Mapping[str, Scalar], mistakes: list[str]) -> ClusterSpec:
        """Return the cluster of a trial; a cluster with swept values gets its own name."""
        names = {field_path: set(names_in(text)) for field_path, text in texts_in(self.document.data["cluster"], ())}
        if not any(parameters & set(self.swept) for parameters in names.values()):
            return scenario.cluster
        cluster = self._validate(ClusterSpec, self._fill_section("cluster", values, mistakes), ("cluster",), mistakes)
        if mistakes or names.get(("name",), set()) & set(self.swept):
            return cluster
        return cluster.model_copy(update={"name": cluster_name(cluster.name, cluster.model_dump_json())})

    def _fill_section(self, section: str, values: Mapping[str, Scalar], mistakes: list[str]) -> Any:
        """Return a section with its parameters filled in."""
        data = self.document.data[section]
        return data if section in LITERAL else self._fill(data, (section,), values, mistakes)

    def _fill(self, data: Any, field_path: FieldPath, values: Mapping[str, Scalar], mistakes: list[str]) -> Any:
        if isinstance(data, dict):
            return {key: self._fill(value, (*field_path, key), values, mistakes) for key, value in data.items()}
        if isinstance(data, list):
            return [self._fill(value, (*field_path, index), values, mistakes) for index, value in enumerate(data)]
        is_text = takes_text(field_path)
        if not isinstance(data, str):
            is_absent = data is None and may_be_null(field_path)
            return self.document.texts[field_path] if is_text and not is_absent else data
        try:
            if field_path in _COMMANDS:
                return fill_command(data, values)
            return fill_text(data, values) if is_text else fill(data, values)
        except TemplateError as error:
            mistakes.append(f"{self.document.at(field_path)}: {error}")
            return data

    def _validate(self, model: type[M], data: Any, above: FieldPath, mistakes: list[str]) -> M:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            mistakes += lines_of(self.document, error, above)
            return model.model_construct()
