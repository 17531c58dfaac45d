"""What one cassette may hold.

A cassette may come from a stranger's pull request, so what reading it can cost is bounded; and what could not be read
is not written.
"""

LARGEST_FILE = 256 << 20  # bytes
LARGEST_YAML = 64 << 20  # bytes; YAML takes ten times the time and the memory of JSON
MOST_YAML_NODES = 1_000_000  # keys, values and lists; each takes some hundred bytes of memory
DEEPEST_YAML = 100  # levels
MOST_INTERACTIONS = 100_000
MOST_REPEATS = 1_000_000  # of one poll, which is one interaction
LARGEST_CONTENT = 256 << 20  # bytes of all bodies and headers together, when they are unpacked
