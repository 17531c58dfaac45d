"""Jobs on our CNTK, without waiting for PyTorch each time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.toolkits.interpreters import on_pytorch

Job = Callable[..., "subprocess.CompletedProcess[str]"]

# A process that imports cntk and forks for each program, since importing PyTorch takes longer than the programs.
# Frozen objects are not copied page by page when a fork ends.
FORKING = """
import gc, json, os, sys
import cntk
gc.freeze()
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
program = json.loads(line)
for number, name in ((1, "stdout"), (2, "stderr")):
    os.dup2(os.open(program[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
sys.argv = program["argv"]
exec(compile(program["code"], sys.argv[0], "exec"), {"__name__": "__main__", "__file__": sys.argv[0]})
"""


@pytest.fixture(scope="session")
def forking() -> "Iterator[subprocess.Popen[str]]":
    """Python as in a job, with our ``cntk`` on the path."""
    environment = {**os.environ, **on_pytorch().environment}
    with subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.fixture
def job(forking: "subprocess.Popen[str]", tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Run a script with arguments, or ``code``, to its end."""

    def run(*arguments: object, code: str | None = None) -> "subprocess.CompletedProcess[str]":
        assert forking.stdin is not None
        assert forking.stdout is not None
        argv = [*(["-c"] if code else []), *map(str, arguments)]
        streams = tmp_path_factory.mktemp("job")
        program = {"argv": argv, "code": code or Path(argv[0]).read_text(encoding="utf-8"),
                   "stdout": str(streams / "stdout"), "stderr": str(streams / "stderr")}  # fmt: skip
        forking.stdin.write(json.dumps(program) + "\n")
        forking.stdin.flush()
        exit_code = int(forking.stdout.readline())
        out, err = ((streams / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(argv, exit_code, out, err)

    return run
