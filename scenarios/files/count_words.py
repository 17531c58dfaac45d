"""Counts the words of a text, and writes a table of them."""

import sys
from collections import Counter
from pathlib import Path

text, directory = map(Path, sys.argv[1:])
counts = Counter(text.read_text(encoding="utf-8").split())
table = "".join(f"{word},{count}\n" for word, count in sorted(counts.items()))
(directory / "counts.csv").write_text(table, encoding="utf-8")
print("words =", sum(counts.values()))
