# ruff: noqa: T201
"""pandas and fsspec on blobs by adlfs: write, read in part, list, append, copy, move, delete."""

import os

import fsspec
import pandas as pd

OPTIONS = {"account_name": os.environ["HARNESS_STORAGE_ACCOUNT"], "account_key": os.environ["HARNESS_STORAGE_KEY"]}

files = fsspec.filesystem("abfs", **OPTIONS)
files.mkdir("frames")

frame = pd.DataFrame({"step": range(1000), "loss": [1 / (step + 1) for step in range(1000)]})
frame.to_csv("abfs://frames/runs/1/metrics.csv", index=False, storage_options=OPTIONS)
loaded = pd.read_csv("abfs://frames/runs/1/metrics.csv", storage_options=OPTIONS)
print("frame", loaded.equals(frame))

frame.to_json("abfs://frames/runs/1/metrics.jsonl.gz", orient="records", lines=True, storage_options=OPTIONS)
print("json", len(pd.read_json("abfs://frames/runs/1/metrics.jsonl.gz", lines=True, storage_options=OPTIONS)))

content = os.urandom(9 << 20)
with files.open("frames/large.bin", "wb", block_size=1 << 20) as file:
    file.write(content)
with files.open("frames/large.bin", "rb") as file:
    file.seek(5 << 20)
    print("part", file.read(1 << 20) == content[5 << 20 : 6 << 20])
print("tail", files.tail("frames/large.bin", 100) == content[-100:])

with files.open("frames/log.txt", "ab") as file:
    file.write(b"one\n")
with files.open("frames/log.txt", "ab") as file:
    file.write(b"two\n")
print("log", files.cat("frames/log.txt"))

files.cp_file("frames/large.bin", "frames/copies/large.bin")
print("copy", files.cat("frames/copies/large.bin") == content)
files.mv("frames/log.txt", "frames/logs/log.txt")
files.pipe({"frames/a/1.txt": b"1", "frames/a/b/2.txt": b"2"})
print("found", sorted(files.find("frames")))
print("globbed", sorted(files.glob("frames/**/*.txt")))
print("walked", [(folder, sorted(names)) for folder, _, names in files.walk("frames/a")])
print("info", files.info("frames/large.bin")["size"], files.isdir("frames/a"), files.exists("frames/none"))
files.rm("frames/a", recursive=True)
print("exists", files.exists("frames/a/1.txt"))
files.rm("frames", recursive=True)
print("deleted", files.exists("frames"))
