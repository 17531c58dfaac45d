"""``python -m harness`` runs the command ``harness``."""

from harness.cli import run

if __name__ == "__main__":
    run()
