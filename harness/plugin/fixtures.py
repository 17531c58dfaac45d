"""Fixtures: the cloud, the resources that the trials of a scenario share, and the job of one trial."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import clouds, experiments, recording, resources, services
from harness import config as harness_config
from harness.plugin.collection import scenario_cache
from harness.plugin.options import SCENARIO_OPTIONS, worker_input
from harness.plugin.recorded_for import recorded_for
from harness.plugin.session import INTERRUPTION, running_emulator, session_owner, shared_directory, worker_id
from harness.plugin.sweep_outcomes import SessionOutcomes
from harness.plugin.trial_runs import run_isolated, run_missing_trial, run_trial
from harness.plugin.unused import unused_reporter
from harness.printable import printable

if TYPE_CHECKING:
    from harness.clouds import Cloud
    from harness.emulator.endpoint import Endpoint
    from harness.experiments.failure_report import FailureReport
    from harness.experiments.outcomes import Outcome
    from harness.experiments.run_context import RunContext
    from harness.experiments.run_directory import RunDirectory
    from harness.resources import ResourceGroup, Volume
    from harness.scenario.cluster import ClusterSpec
    from harness.scenario.model import Scenario, Trial
    from harness.services.service import Cluster

CASSETTES = "cassettes"


@pytest.fixture
def offline() -> Iterator[None]:
    """Block network connections while the test runs; an attempt to connect fails and names the host."""
    with recording.blocked_sockets():
        yield


@pytest.fixture(scope="session")
def emulator(pytestconfig: pytest.Config) -> Iterator["Endpoint"]:
    """A running emulator, independent of ``--cloud``: the one in ``emulator_dir``, or one for this session.

    Workers of pytest-xdist share one.

    Raises:
        EmulatorError: it did not start.
    """
    with running_emulator(pytestconfig) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest) -> Iterator["Cloud"]:
    """The cloud that ``--cloud`` names, with the settings and cassettes of the project's root directory.

    Raises:
        SettingsError: a setting that this cloud needs is missing.
    """
    config = request.config
    options, root = config.stash[SCENARIO_OPTIONS], config.rootpath
    endpoint = request.getfixturevalue("emulator") if options.cloud == "emulator" else None
    shared = worker_input(config).get("testrunuid")
    with clouds.open_cloud(
        options.cloud,
        harness_config.load_settings(root),
        cassettes=root / CASSETTES,
        service=options.service,
        record=options.record,
        endpoint=endpoint,
        run=f"run-{shared}" if shared else None,
        report_unused=unused_reporter(config),
        recorded_for=recorded_for(config),
    ) as opened:
        yield opened


@pytest.fixture(scope="session")
def harness_scenario(request: pytest.FixtureRequest) -> "Scenario":
    """The scenario of a test: its own file's, or that of the mark ``scenario(path)``; default the quickstart.

    Raises:
        ScenarioError: the file has a mistake.
    """
    return scenario_cache(request.config).load(Path(request.param))


@pytest.fixture
def harness_trial(request: pytest.FixtureRequest, harness_scenario: "Scenario") -> "Trial":
    """The trial of a test, which runs once for each trial. For a search, this is an example of its trials."""
    if harness_scenario.sweep.search is not None:
        return next(harness_scenario.trials.sample())
    return harness_scenario.trials.named(request.param)


@pytest.fixture(scope="session")
def harness_run_context(
    cloud: "Cloud", pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["RunContext"]:
    """The context in which scenarios run: cloud, journal and uploads; progress goes to the logger ``harness``."""
    settings, environ = harness_config.load_settings(pytestconfig.rootpath), harness_config.environment()
    logger = logging.getLogger("harness")
    is_replay = cloud.name == "replay"
    shared = None if is_replay else shared_directory(pytestconfig, tmp_path_factory)

    def log(event: object) -> None:
        logger.info("%s", printable(str(event)))

    options = pytestconfig.stash[SCENARIO_OPTIONS]
    upload_from = options.upload_from
    local = experiments.LocalUploads(settings.mnist_dir, harness_config.mnist_cache(environ), log, upload_from)
    with experiments.PatternMatcher() as matcher:
        yield experiments.RunContext(
            cloud=cloud,
            service=services.service_named(options.service, settings, options.cloud),
            journal=resources.journal_for(cloud.name, settings, environ),
            uploads=experiments.RecordedUploads(upload_from) if is_replay else local,
            sink=log,
            interruption=pytestconfig.stash[INTERRUPTION],
            leases=experiments.Leases(shared) if shared else None,
            worker=worker_id(pytestconfig) if shared else "",
            owner=session_owner(pytestconfig),
            policy=experiments.policy_for(cloud.name, settings),
            matcher=matcher,
        )


@pytest.fixture(scope="session")
def resource_group(harness_run_context: "RunContext", harness_scenario: "Scenario") -> Iterator["ResourceGroup"]:
    """The scenario's resource group, with the providers registered."""
    with experiments.open_group(harness_run_context, harness_scenario) as group:
        yield group


@pytest.fixture(scope="session")
def harness_volumes(
    harness_run_context: "RunContext", harness_scenario: "Scenario", resource_group: "ResourceGroup"
) -> Iterator[tuple["Volume", ...]]:
    """The scenario's file shares and blob containers after all uploads, in the order of the file."""
    with experiments.open_volumes(harness_run_context, harness_scenario, resource_group) as volumes:
        yield volumes


@pytest.fixture(scope="session")
def file_share(harness_volumes: tuple["Volume", ...]) -> "Volume":
    """The scenario's file share after all uploads; if it has several volumes or only containers, the first volume."""
    return harness_volumes[0]


@pytest.fixture(scope="session")
def harness_cluster(request: pytest.FixtureRequest, harness_scenario: "Scenario") -> "ClusterSpec":
    """The cluster of the trial, if the trials of a scenario do not share one; else the scenario's."""
    trial: str | None = getattr(request, "param", None)
    return harness_scenario.cluster if trial is None else harness_scenario.trials.named(trial).cluster


@pytest.fixture(scope="session")
def gpu_cluster(
    harness_run_context: "RunContext",
    harness_scenario: "Scenario",
    harness_cluster: "ClusterSpec",
    file_share: "Volume",
) -> Iterator["Cluster"]:
    """The scenario's cluster with idle nodes, ready for jobs."""
    with experiments.open_cluster(harness_run_context, harness_scenario, file_share.group, harness_cluster) as cluster:
        yield cluster


@pytest.fixture
def harness_run_directory(tmp_path_factory: pytest.TempPathFactory) -> "RunDirectory":
    """The directory of the files of a test's job."""
    return experiments.RunDirectory(tmp_path_factory.mktemp("trial"), run="")


@pytest.fixture
def job_outcome(  # noqa: PLR0917
    request: pytest.FixtureRequest,
    harness_run_context: "RunContext",
    harness_scenario: "Scenario",
    harness_cluster: "ClusterSpec",  # noqa: ARG001  # pytest gives each trial its own, for gpu_cluster
    harness_trial: "Trial",
    harness_run_directory: "RunDirectory",
    harness_session_outcomes: SessionOutcomes,
) -> "Outcome":
    """The outcome of the trial's job after its end: state, exit code, metrics, files."""
    _skip_unrecorded(request.config, harness_scenario)
    if harness_scenario.sweep.search is not None:
        raise pytest.UsageError(f"{harness_scenario.path}: a search has many outcomes; use the fixture search_outcomes")
    if harness_scenario.scope == "function":
        outcome = run_isolated(harness_run_context, harness_scenario, harness_trial, harness_run_directory)
    else:
        volumes, cluster = request.getfixturevalue("harness_volumes"), request.getfixturevalue("gpu_cluster")
        scenario = harness_scenario.on(harness_trial.cluster)
        target = experiments.target_of(harness_run_context, scenario, volumes, cluster)
        outcome = run_trial(harness_run_context, target, harness_scenario, harness_trial, harness_run_directory)
    harness_session_outcomes.keep(harness_scenario, outcome)
    return outcome


@pytest.fixture
def sweep_outcomes(
    request: pytest.FixtureRequest,
    harness_run_context: "RunContext",
    harness_scenario: "Scenario",
    harness_run_directory: "RunDirectory",
    harness_session_outcomes: SessionOutcomes,
) -> "list[Outcome]":
    """The outcomes of all trials of a scenario; trials that no test of this session has run yet run now."""
    _skip_unrecorded(request.config, harness_scenario)
    if harness_scenario.sweep.search is not None:
        outcomes: list[Outcome] = request.getfixturevalue("search_outcomes")
        return outcomes
    outcomes = []
    for trial in harness_scenario.trials:
        outcome = harness_session_outcomes.find(harness_scenario, trial.id)
        if outcome is None:
            outcome = run_missing_trial(request, harness_run_context, harness_scenario, trial, harness_run_directory)
            harness_session_outcomes.keep(harness_scenario, outcome)
        outcomes.append(outcome)
    return outcomes


@pytest.fixture
def harness_sweep_check(request: pytest.FixtureRequest) -> str:
    """The name of an expectation on a sweep; a test that uses it runs once for each expectation."""
    return str(request.param)


@pytest.fixture
def mnist_job(job_outcome: "Outcome") -> "Outcome":
    """The name of ``job_outcome`` in tests of the default scenario, the quickstart on MNIST."""
    return job_outcome


@pytest.fixture
def search_outcomes(
    request: pytest.FixtureRequest,
    harness_run_context: "RunContext",
    harness_scenario: "Scenario",
    harness_run_directory: "RunDirectory",
    harness_session_outcomes: SessionOutcomes,
) -> "list[Outcome]":
    """The outcomes of a scenario's search, whose trials run one after another, once in a session.

    So the study always gets the outcomes in the same order and chooses the same points, and a recording can be
    replayed. Each worker of pytest-xdist runs its own search.

    Raises:
        UserError: Optuna is not installed.
    """
    _skip_unrecorded(request.config, harness_scenario)
    searches = harness_session_outcomes.searches
    if harness_scenario.path not in searches:
        study = experiments.study_of(harness_scenario, storage=None)
        outcomes: list[Outcome] = []
        experiments.run_search(
            harness_run_context, harness_scenario, study, harness_run_directory, outcomes.append, at_once=1
        )
        searches[harness_scenario.path] = outcomes
    return searches[harness_scenario.path]


@pytest.fixture
def harness_verdict(
    request: pytest.FixtureRequest, harness_scenario: "Scenario", harness_run_directory: "RunDirectory"
) -> "FailureReport | None":
    """The report of the first trial with an unmet expectation; None if all expectations are met."""
    is_search = harness_scenario.sweep.search is not None
    outcomes = request.getfixturevalue("search_outcomes") if is_search else [request.getfixturevalue("job_outcome")]
    unmet = next((outcome for outcome in outcomes if not outcome.is_met), None)
    if unmet is None:
        return None
    return experiments.explain_failure(unmet, harness_scenario, harness_run_directory.path)


def _skip_unrecorded(config: pytest.Config, scenario: "Scenario") -> None:
    """Skip a scenario without cassettes in replay; a scenario with some missing cassettes fails instead."""
    options = config.stash[SCENARIO_OPTIONS]
    if options.cloud != "replay":
        return
    if not (config.rootpath / CASSETTES / options.service / scenario.scenario).is_dir():
        pytest.skip(f"{scenario.scenario} has no cassettes yet: pytest {scenario.path} --cloud emulator --record")
