"""``harness run``: every trial of some scenarios once, wherever you say."""

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
    "--cloud", type=click.Choice(CLOUDS), help="Where they run; default: the setting cloud, else the emulator."
)
@click.option(
    "--service",
    type=click.Choice(SERVICES),
    help="What they run on there; default: the setting service, else azureml in Azure and batchai elsewhere.",
)
@click.option("values", "--set", metavar="NAME=VALUE", multiple=True, help="Give a parameter a value; repeatable.")
@click.option("--out", metavar="DIR", type=PATH, help="Run directory; default: a new one below the setting runs_dir.")
@click.option("--resume", is_flag=True, help="Continue the run in --out: run the trials that have no outcome.")
@click.option("--end-jobs", is_flag=True, help="With --resume: end jobs that a killed run left running.")
@click.option("--rerun", type=click.Choice(["failed"]), help="Continue the run in --out, and run what failed again.")
@click.option(
    "--trial", metavar="NAME=VALUE,...", default="", help="Run one trial only: that with these values of swept names."
)
@click.option("--limit", metavar="N", type=click.IntRange(1, MAX_TRIALS), help="Run at most N trials.")
@click.option(
    "--upload-from",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help="Let scenarios upload files of this directory, too, not of their own folder alone; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be made, uploaded and run; make nothing.")
@click.option(
    "faults",
    "--fault",
    metavar="NAME=RATE",
    multiple=True,
    help="Have the emulator inject a fault, besides those of the scenario; repeatable.",
)
@click.option("--fault-seed", metavar="N", type=int, help="Seed of the faults; default: the scenario's, or 0.")
@click.option("--junit", metavar="FILE", type=PATH, help="Write a JUnit report: a test case for each trial.")
@click.option("--reuse", is_flag=True, help="Use the cluster of an earlier run again, and keep it for the next.")
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

    Everything that a scenario needs is made, and deleted at the end. The exit code is 0 when everything came out as
    expected, 1 when something did not or the cloud refused, 2 for a mistake in a scenario or a setting, 130 after
    Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.

    \b
    Examples:
      harness run scenarios/mnist_quickstart.yaml
      harness run scenarios/mnist_learning_rate.yaml --set epochs=1 --limit 2
      harness run scenarios/*.yaml --dry-run
      harness run scenarios/mnist_quickstart.yaml --fault throttle=0.3
    """
    require_extra(SCENARIOS)
    given, settings = parse_values(values), load_settings(Path())
    cloud = cloud or settings.cloud or "emulator"
    service = service or settings.service or default_service(cloud)
    resume = resume or rerun is not None
    if resume and out is None:
        option = "--resume" if rerun is None else "--rerun"
        raise UserError(f"{option} continues an earlier run: name its directory with --out")
    if end_jobs and not resume:
        raise UserError("--end-jobs ends jobs of the run that --resume continues: add --resume and --out")
    interruption = Interruption()
    with ExitStack() as stack:
        stack.enter_context(interruption.installed())
        is_emulated = cloud == "emulator" and not dry_run
        emulator = stack.enter_context(emulator_for_run(settings, outlives=reuse)) if is_emulated else None
        # The rest of the command is imported here, by its packages, while the emulator starts.
        loaded = cli.load_all(scenarios, given, faults=faults, seed=fault_seed)
        used = services.service_named(service, settings, cloud)
        if dry_run:
            cli.say_plan(loaded, used, settings, cloud=cloud, limit=limit, trial=trial, upload_from=upload_from)
            return 0
        storage = settings.study_storage.get_secret_value() if settings.study_storage else None
        selection = experiments.Selection(limit, failed=rerun is not None, trial=trial, storage=storage)
        for scenario in loaded:
            cli.refuse_what_cannot_run(scenario, cloud, 1 if trial else limit)
        now = SystemClock().now()
        opened = experiments.open_run_directory(out, runs=settings.runs_dir, resume=resume, scenarios=loaded, now=now)
        with opened as directory:
            one = cli.ScenarioRun(
                cloud,
                used,
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
                code = one.play(loaded, selection)
            except Interrupted as error:
                say("harness: interrupted; what was made is deleted", err=True)
                code = error.exit_code
    # A signal that arrives while everything is deleted anyway is still what ended the command.
    return code if interruption.signum is None else 128 + interruption.signum
