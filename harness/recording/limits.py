"""Limits of the content of a cassette.

A cassette may come from a stranger's pull request, so the cost of reading it is bounded. The same limits apply to
writing, so that every written cassette can be read.
"""

LARGEST_FILE = 256 << 20  # bytes
LARGEST_YAML = 64 << 20  # bytes; YAML takes ten times the time and the memory of JSON
MOST_YAML_NODES = 1_000_000  # keys, values and lists; each takes some hundred bytes of memory
DEEPEST_YAML = 100  # levels
MOST_INTERACTIONS = 100_000
MOST_REPEATS = 1_000_000  # of one poll
LARGEST_CONTENT = 256 << 20  # bytes of all bodies and headers together, after decompression
