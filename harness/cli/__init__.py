"""The ``harness`` command: one module per subcommand, imported when it is called."""

import sys
from importlib import import_module

import typer

from harness import __version__
from harness.cli.output import say
from harness.errors import HarnessError

_COMMANDS = {
    "emulator": "the local Azure: start, stop, status, env, faults, reset",
    "cassettes": "check and show recorded cassettes",
    "run": "run scenarios and sweeps: on the emulator, on Azure, or from recordings",
    "toolkits": "what trains on this machine; install CNTK 2.7",
    "data": "fetch the data that scenarios train on",
    "doctor": "what works on this machine, what is missing, and the command that mends it",
    "init": "a first scenario, settings file and test to start from",
    "reap": "delete what earlier runs left behind",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and end the process with its exit code.

    Args:
        arguments: the words after ``harness``; default ``sys.argv[1:]``.

    Returns:
        0 when all went well, 1 when an expectation or the cloud failed, 2 for bad input, 130 after Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        say(f"batchai-harness {__version__}")
        return 0
    if not words or words[0] in ("-h", "--help"):
        say(_overview())
        return 0
    if words[0] not in _COMMANDS:
        say(f"harness: there is no command {words[0]!r}; one of: {', '.join(_COMMANDS)}", err=True)
        return 2
    try:
        app: typer.Typer = import_module(f"harness.cli.{words[0]}").app
        result = app(words[1:], prog_name=f"harness {words[0]}", standalone_mode=False)
    except HarnessError as error:
        say(f"harness: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        say("harness: interrupted", err=True)
        return 130
    except Exception as error:
        if type(error).__name__ == "Abort":
            return 130
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0


def _overview() -> str:
    lines = [f"  {name:<10} {text}" for name, text in _COMMANDS.items()]
    return "\n".join(["usage: harness COMMAND [OPTIONS]", "", *lines, "", "harness COMMAND --help tells more."])


def run() -> None:
    """The console script."""
    sys.exit(main())
