"""``harness emulator``: the local Azure emulator, for any Azure client."""

from harness.cli.groups import LazyGroup

_HELP = """The local Azure emulator: sign-in, Resource Manager, storage and Batch AI on loopback.

Clients reach it through an HTTPS proxy; its storage also answers on plain ports.

\b
Examples:
  harness emulator start --detach
  eval "$(harness emulator env)"           point any Azure client at it
  harness emulator start --only storage    Azure Files and blobs alone
  harness emulator stop
"""
_CONTROL = "harness.cli.emulator.control"

emulator = LazyGroup(
    "emulator",
    {
        "start": ("harness.cli.emulator.start:start", "Start an emulator, in the foreground or detached."),
        "stop": (f"{_CONTROL}:stop", "Stop an emulator; it keeps its data."),
        "status": (f"{_CONTROL}:status", "Show whether an emulator runs, and its addresses."),
        "log": ("harness.cli.emulator.log:log", "Print the requests that an emulator has answered."),
        "env": (f"{_CONTROL}:env", "Print shell commands that point Azure clients at an emulator."),
        "reset": (f"{_CONTROL}:reset", "Stop an emulator, end its jobs and delete its data."),
        "faults": ("harness.cli.emulator.faults:faults", "Inject throttling, lost answers, full disks and more."),
    },
    help=_HELP,
    epilog="More: harness docs emulator",
)
