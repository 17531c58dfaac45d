"""``harness emulator faults``: the fault plans of a running emulator."""

from pathlib import Path

import click

from harness.cli.emulator.control import running
from harness.cli.emulator.fault_plans import fault_plans, lines
from harness.cli.groups import CONTEXT, CommandGroup
from harness.cli.options import directory_option
from harness.cli.output import say
from harness.errors import EmulatorError
from harness.fault_plans import parse_rates
from harness.fault_vocabulary import FAULTS

_NONE = "no faults are in force; set some with: harness emulator faults set throttle=0.3"


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs faults")
def faults() -> None:
    """Inject throttling, lost answers, full disks and more into a running emulator."""


@faults.command("set")
@click.argument("rates", metavar="FAULT=RATE...", nargs=-1, required=True)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=0,
    help="Seed of the faults; the same seed and the same requests give the same faults.",
)
@click.option("--times", metavar="N", type=click.IntRange(min=1), help="How many times each fault strikes at most.")
@click.option(
    "--seconds",
    metavar="N",
    type=click.FloatRange(min=0),
    help="How long a fault lasts, for faults that have a duration.",
)
@click.option("--group", metavar="NAME", default="", help="Strike in this resource group only.")
@click.option("--share", metavar="NAME", default="", help="Strike on this share only.")
@click.option("--name", metavar="NAME", default="default", help="The plan's name; a plan of the same name is replaced.")
@directory_option
def set_faults(
    *,
    rates: tuple[str, ...],
    seed: int,
    times: int | None,
    seconds: float | None,
    group: str,
    share: str,
    name: str,
    directory: Path,
) -> None:
    """Put faults in force until they are cleared.

    A rate is a number from 0 to 1.

    \b
    Example:
      harness emulator faults set throttle=0.3 slow=0.1 --seconds 2
    """
    scope = {key: value for key, value in (("group", group), ("share", share)) if value}
    plan = {"seed": seed, "faults": parse_rates(rates, times=times, seconds=seconds), "scope": scope}
    with fault_plans(running(directory)) as plans:
        say("\n".join(lines(plans.put(name, plan))))


set_faults.epilog = f"Faults: {', '.join(FAULTS)}."


@faults.command("show")
@directory_option
def show_faults(directory: Path) -> None:
    """Show which faults are in force, and how often each has struck."""
    with fault_plans(running(directory)) as plans:
        active = plans.all()
    for plan in active:
        say("\n".join(lines(plan)))
    if not active:
        say(_NONE, err=True)


@faults.command("clear")
@click.option("--name", metavar="NAME", default="", help="Clear this plan only; default: all.")
@directory_option
def clear_faults(name: str, directory: Path) -> None:
    """End faults. Their effects are not undone: a node that a fault keeps from booting stays as it is."""
    with fault_plans(running(directory)) as plans:
        names = [plan["name"] for plan in plans.all()]
        if name and name not in names:
            raise EmulatorError(f"there is no fault plan {name!r}; in force: {', '.join(names) or 'none'}")
        for cleared in [name] if name else names:
            plans.delete(cleared)
            say(f"cleared {cleared}", err=True)
