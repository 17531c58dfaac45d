"""The ``harness`` command as a whole: its subcommands, and its exit codes."""

import gc
import os
import sys

import click

from harness import __version__
from harness.cli.groups import LazyGroup
from harness.cli.output import say
from harness.disk_errors import is_disk_full
from harness.errors import HarnessError
from harness.extras import remedy

_BAD_INPUT = 2
_INTERRUPTED = 130  # the exit code that shells use for SIGINT

# Number of new objects that triggers a garbage collection. Python's default of 700 triggers hundreds of collections
# while modules are imported. With ten times this number, a long sweep would keep several kilobytes for each trial.
_GC_THRESHOLD = 20_000

_HELP = """Test and run GPU training jobs written for Azure Batch AI, and sweep their parameters.

\b
To begin:
  harness doctor                           what works on this machine
  harness init first && cd first           create a first scenario
  harness run scenarios/first.yaml         run it on the local emulator
  harness docs getting-started             read more
"""

_EPILOG = """\b
Shell completion (bash; zsh and fish alike):
  eval "$(_HARNESS_COMPLETE=bash_source harness)"
"""

command = LazyGroup(
    "harness",
    {
        "init": ("harness.cli.init:init", "Create a first scenario, a settings file and a test."),
        "run": ("harness.cli.run:run", "Run scenarios: on the emulator, on Azure, or from recordings."),
        "results": ("harness.cli.results:results", "Show the results of a run: table, CSV, JSON, Parquet."),
        "report": ("harness.cli.report:report", "Write a run as an HTML page with charts, or serve it."),
        "import": ("harness.cli.import_files:import_command", "Convert Batch AI's or Azure ML's files to a scenario."),
        "export": ("harness.cli.export_scenario:export_command", "Convert a scenario to Azure ML's files."),
        "baseline": ("harness.cli.baseline:baseline", "Save the metrics of a run, and compare later runs."),
        "emulator": ("harness.cli.emulator:emulator", "Start, stop, reset or describe the local Azure emulator."),
        "cassettes": ("harness.cli.cassettes:cassettes", "Check, show and convert recorded cassettes."),
        "toolkits": ("harness.cli.toolkits:toolkits", "List the toolkits of this machine; install CNTK 2.7."),
        "data": ("harness.cli.data:data", "Download the data that scenarios train on."),
        "doctor": ("harness.cli.doctor:doctor", "Check this machine, and say how to fix what is missing."),
        "reap": ("harness.cli.reap:reap_command", "Delete resources that earlier runs left behind."),
        "docs": ("harness.cli.docs:docs", "Read the documentation."),
    },
    help=_HELP,
    epilog=_EPILOG,
)
click.version_option(__version__, message="batchai-harness %(version)s")(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the arguments after ``harness``; default ``sys.argv[1:]``.

    Returns:
        The exit code: 0 for success, 1 when an expectation or the cloud failed, 2 for bad input, 130 after Ctrl-C.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    try:
        result = command.main(arguments or ["--help"], prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        say(f"harness: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "harness":
            raise
        say(f"harness: the package {error.name} is missing: {remedy(error)}", err=True)
        return _BAD_INPUT
    except OSError as error:
        if not is_disk_full(error):
            raise
        say(f"harness: {error.filename or 'the output'} could not be written completely: {error.strerror}", err=True)
        return 1
    except click.Abort:
        return _INTERRUPTED
    except KeyboardInterrupt:
        say("harness: interrupted", err=True)
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def run() -> None:
    """Run the command line as the console script ``harness``."""
    gc.set_threshold(_GC_THRESHOLD)
    code = main()
    _drop_unwritten_output()
    gc.freeze()  # the collection at exit would otherwise visit every imported object
    sys.exit(code)


def _drop_unwritten_output() -> None:
    """Drop output that cannot be written: ``main`` has reported that, and Python would report it again at exit."""
    if sys.stdout is None:  # the shell has closed it
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
