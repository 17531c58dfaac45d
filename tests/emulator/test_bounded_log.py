"""The emulator's own log keeps its last part; a log file of the user is never cut."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.emulator import launched_process
from harness.emulator.bounded_log import BoundedLog
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options

MOST = 1 << 20
LINES = 40_000
# Logs more than is kept, and reports the size of standard error afterwards.
FLOOD = f"""
import logging, os, sys
from pathlib import Path
from harness.emulator.bounded_log import bound_own_log
from harness.emulator.serve import log_to_stderr
bound_own_log(Path(sys.argv[1]))
log_to_stderr()
for number in range({LINES}):
    logging.warning("warning %d of a long day with many of them", number)
Path(sys.argv[1], "size").write_text(str(os.fstat(2).st_size))
print("ready")
sys.exit(3)
"""


def test_the_last_lines_are_kept(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as file, BoundedLog(file.fileno(), most=100) as log:
        for number in range(1000):
            log.write(b"line %d\n" % number)
        lines = (tmp_path / "log").read_bytes().splitlines()
    assert len(b"\n".join(lines)) < 100
    assert lines == [b"line %d" % number for number in range(1000 - len(lines), 1000)]
    assert len(lines) > 5


def test_a_line_that_is_longer_than_the_log_leaves_its_end(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as file, BoundedLog(file.fileno(), most=100) as log:
        assert log.write(b"a" * 1000 + b"b") == 1001
    assert (tmp_path / "log").read_bytes() == b"a" * 49 + b"b"


def test_what_others_append_to_it_leaves_no_hole(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file, BoundedLog(file.fileno(), most=100) as log:
        log.write(b"a" * 99 + b"\n" + b"b\n")
        file.write(b"c\n")
    assert (tmp_path / "log").read_bytes() == b"b\nc\n"


def test_the_log_of_a_launched_emulator_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FLOOD, str(tmp_path)]
    monkeypatch.setattr(launched_process, "server_command", lambda _: command)
    with launched_process.launched_process(Options(tmp_path)) as process:
        while (ending := process.ending()) is None:
            os.sched_yield()
    assert f"warning {LINES - 1} of a long day" in ending.log.splitlines()[-1]
    assert len(ending.log.splitlines()) == 21
    assert MOST // 4 < int((tmp_path / "size").read_text()) <= MOST


def test_a_file_that_is_its_users_stays_whole(tmp_path: Path) -> None:
    with (tmp_path / "mine.log").open("wb") as log:
        subprocess.run([sys.executable, "-c", FLOOD, str(tmp_path)], stderr=log, stdout=subprocess.DEVNULL, check=False)
    assert len((tmp_path / "mine.log").read_bytes().splitlines()) == LINES


def test_the_log_of_a_detached_emulator_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "emulator.log"
    log.write_bytes(b"a line of many earlier starts\n" * LINES)
    start_detached(Options(tmp_path, only="storage"))
    assert stop(tmp_path)
    assert MOST // 4 < log.stat().st_size <= MOST
    assert b"connection" in log.read_bytes()
