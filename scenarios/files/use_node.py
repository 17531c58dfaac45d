"""Uses what the set-up task of its node has made."""

import sys
from pathlib import Path

print("vocabulary =", len(Path(sys.argv[1]).read_text(encoding="utf-8").split()))
