"""Refuses a rate that is none, with an exit code of its own."""

import argparse
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True)
rate = parser.parse_args().rate
if not 0 < rate <= 1:
    print(f"refused: rate = {rate}", file=sys.stderr)
    sys.exit(3)
print("accepted")
