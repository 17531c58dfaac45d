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
_INTERRUPTED = 130  # as shells have it for SIGINT

# New objects after which the collector looks for garbage: Python's own 700 have it look hundreds of times while
# everything is imported. With ten times as many, a long sweep would keep several kilobytes of each trial.
_YOUNG = 20_000

_HELP = """Tests and runs GPU training jobs written for Azure Batch AI, and sweeps their parameters.

\b
Begin with:
  harness doctor                           what works on this machine
  harness init first && cd first           a first scenario
  harness run scenarios/first.yaml         run it on a local Azure
  harness docs getting-started             read more
"""

_EPILOG = """\b
Shell completion (bash; zsh and fish alike):
  eval "$(_HARNESS_COMPLETE=bash_source harness)"
"""

command = LazyGroup(
    "harness",
    {
        "init": ("harness.cli.init:init", "Make a first scenario, settings file and test to start from."),
        "run": ("harness.cli.run:run", "Run scenarios: on the emulator, on Azure, or from recordings."),
        "results": ("harness.cli.results:results", "Show what came out of a run: table, CSV, JSON, Parquet."),
        "report": ("harness.cli.report:report", "Write a run as an HTML page with charts, or serve it."),
        "import": ("harness.cli.import_files:import_command", "Make a scenario of Batch AI's or Azure ML's files."),
        "export": ("harness.cli.export_scenario:export_command", "Make Azure ML's files of a scenario."),
        "baseline": ("harness.cli.baseline:baseline", "Keep results, and compare later ones with them."),
        "emulator": ("harness.cli.emulator:emulator", "Start, stop, reset or describe the local Azure."),
        "cassettes": ("harness.cli.cassettes:cassettes", "Check, show and convert recorded cassettes."),
        "toolkits": ("harness.cli.toolkits:toolkits", "Show what trains on this machine; install CNTK 2.7."),
        "data": ("harness.cli.data:data", "Fetch the data that scenarios train on."),
        "doctor": ("harness.cli.doctor:doctor", "Say what works on this machine, and what fixes the rest."),
        "reap": ("harness.cli.reap:reap_command", "Delete what earlier runs left behind."),
        "docs": ("harness.cli.docs:docs", "Read the documentation."),
    },
    help=_HELP,
    epilog=_EPILOG,
)
click.version_option(__version__, message="batchai-harness %(version)s")(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after ``harness``; default ``sys.argv[1:]``.

    Returns:
        The exit code: 0 when all went well, 1 when an expectation or the cloud failed, 2 for bad input, 130 after
        Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        result = command.main(words or ["--help"], prog_name="harness", standalone_mode=False)
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
        say(f"harness: {error.filename or 'the output'} could not be written whole: {error.strerror}", err=True)
        return 1
    except click.Abort:
        return _INTERRUPTED
    except KeyboardInterrupt:
        say("harness: interrupted", err=True)
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def run() -> None:
    """The console script."""
    gc.set_threshold(_YOUNG)
    code = main()
    _drop_unwritten_output()
    gc.freeze()  # Python would look at all that was imported once more before it ends, as long as at its beginning
    sys.exit(code)


def _drop_unwritten_output() -> None:
    """Drop what standard output refuses: ``main`` has said so, and Python would say it again when it ends."""
    if sys.stdout is None:  # the shell has closed it
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
