"""``python -m harness`` is ``harness``."""

from harness.cli import run

if __name__ == "__main__":
    run()
