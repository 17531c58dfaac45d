"""``python -m harness.emulator``: serve one data directory in the foreground."""

import gc
import sys
from importlib import import_module

if __name__ == "__main__":
    # Garbage collection would take a quarter of the time of the imports, which leave no garbage. ``serve`` enables it.
    gc.disable()
    sys.exit(import_module("harness.emulator.command").main())
