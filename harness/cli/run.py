"""``harness run``: run every trial of some scenarios once, on the chosen cloud."""

from contextlib import ExitStack
from pathlib import Path

import click

from harness import cli, experiments, services
from harness.cli.groups import CONTEXT
from harness.cli.options import MAX_TRIALS, PATH
from harness.cli.output import say
from harness.cli.run_emulator import emulator_for_run
from harness.clock import SystemClock
from harness.config import load_settings
from harness.errors import UserError
from harness.extras import SCENARIOS, require_extra
from harness.interruption import Interrupted, Interruption
from harness.scenario.set_option import parse_values
from harness.target import CLOUDS, SERVICES, CloudName, ServiceName, default_service


@click.command(context_settings=CONTEXT, epilog="More: harness docs run, harness docs scenarios")
@click.argument("scenarios", metavar="SCENARIO...", type=PATH, nargs=-1, required=True)
@click.option(
    "--cloud", type=click.Choice(CLOUDS), help="Where the scenarios run; default: the setting cloud, else the emulator."
)
@click.option(
    "--service",
    type=click.Choice(SERVICES),
    help="The service that runs the jobs; default: the setting service, else azureml in Azure, batchai elsewhere.",
)
@click.option("values", "--set", metavar="NAME=VALUE", multiple=True, help="Give a parameter a value; repeatable.")
@click.option("--out", metavar="DIR", type=PATH, help="Run directory; default: a new one in the setting runs_dir.")
@click.option("--resume", is_flag=True, help="Continue the run in --out: run the trials that have no outcome.")
@click.option("--end-jobs", is_flag=True, help="With --resume: end jobs that a killed run left running.")
@click.option("--rerun", type=click.Choice(["failed"]), help="Continue the run in --out: run the failed trials again.")
@click.option(
    "--trial",
    metavar="NAME=VALUE,...",
    default="",
    help="Run only the trial that has these values of swept parameters.",
)
@click.option("--limit", metavar="N", type=click.IntRange(1, MAX_TRIALS), help="Run at most N trials.")
@click.option(
    "--upload-from",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help="Let scenarios upload files of this directory, besides those of their own folder; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be created, uploaded and run, without doing it.")
@click.option(
    "faults",
    "--fault",
    metavar="NAME=RATE",
    multiple=True,
    help="Inject a fault on the emulator, besides those of the scenario; repeatable.",
)
@click.option("--fault-seed", metavar="N", type=int, help="Seed of the faults; default: the scenario's, or 0.")
@click.option("--junit", metavar="FILE", type=PATH, help="Write a JUnit report with a test case for each trial.")
@click.option("--reuse", is_flag=True, help="Reuse the cluster of an earlier run, and keep it for the next run.")
def run(
    *,
    scenarios: tuple[Path, ...],
    cloud: CloudName | None,
    service: ServiceName | None,
    values: tuple[str, ...],
    out: Path | None,
    resume: bool,
    rerun: str | None,
    trial: str,
    end_jobs: bool,
    limit: int | None,
    upload_from: tuple[Path, ...],
    dry_run: bool,
    faults: tuple[str, ...],
    fault_seed: int | None,
    junit: Path | None,
    reuse: bool,
) -> int:
    """Run every trial of some scenarios, print the results and write them to RUN_DIR/outcomes.jsonl.

    The run creates all resources that a scenario needs, and deletes them at the end. The exit code is 0 when every
    expectation was met, 1 when one was not or the cloud refused a request, 2 for a mistake in a scenario or a setting,
    130 after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.

    \b
    Examples:
      harness run scenarios/mnist_quickstart.yaml
      harness run scenarios/mnist_learning_rate.yaml --set epochs=1 --limit 2
      harness run scenarios/*.yaml --dry-run
      harness run scenarios/mnist_quickstart.yaml --fault throttle=0.3
    """
    require_extra(SCENARIOS)
    overrides, settings = parse_values(values), load_settings(Path())
    cloud = cloud or settings.cloud or "emulator"
    service = service or settings.service or default_service(cloud)
    resume = resume or rerun is not None
    if resume and out is None:
        option = "--resume" if rerun is None else "--rerun"
        raise UserError(f"{option} continues an earlier run: name the run directory with --out")
    if end_jobs and not resume:
        raise UserError("--end-jobs ends jobs of the run that --resume continues: add --resume and --out")
    interruption = Interruption()
    with ExitStack() as stack:
        stack.enter_context(interruption.installed())
        is_emulated = cloud == "emulator" and not dry_run
        emulator = stack.enter_context(emulator_for_run(settings, outlives=reuse)) if is_emulated else None
        # The lazy attributes of these packages import the rest of the command here, while the emulator starts.
        loaded = cli.load_all(scenarios, overrides, faults=faults, seed=fault_seed)
        run_service = services.service_named(service, settings, cloud)
        if dry_run:
            cli.print_plan(
                loaded, run_service, settings, cloud=cloud, limit=limit, trial=trial, upload_from=upload_from
            )
            return 0
        storage = settings.study_storage.get_secret_value() if settings.study_storage else None
        selection = experiments.Selection(limit, failed=rerun is not None, trial=trial, storage=storage)
        for scenario in loaded:
            cli.refuse_unrunnable(scenario, cloud, 1 if trial else limit)
        now = SystemClock().now()
        opened = experiments.open_run_directory(out, runs=settings.runs_dir, resume=resume, scenarios=loaded, now=now)
        with opened as directory:
            scenario_run = cli.ScenarioRun(
                cloud,
                run_service,
                settings,
                directory,
                interruption,
                emulator,
                junit=junit,
                reuse=reuse,
                upload_from=upload_from,
                end_jobs=end_jobs,
            )
            try:
                code = scenario_run.run_trials(loaded, selection)
            except Interrupted as error:
                say("harness: interrupted; the resources of the run are deleted", err=True)
                code = error.exit_code
    # A signal may arrive while everything is deleted anyway; the exit code still reports it.
    return code if interruption.signum is None else 128 + interruption.signum
