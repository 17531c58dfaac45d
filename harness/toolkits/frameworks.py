"""The training frameworks that scripts import, and the interpreters that have them."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_PROBE: Final = """
import importlib.util, json, sys
try:
    from importlib.metadata import version
except ImportError:
    version = lambda name: ''
versions = {}
for name in sys.argv[1:]:
    if importlib.util.find_spec(name):
        try:
            versions[name] = version(name)
        except Exception:
            versions[name] = ''
print(json.dumps(versions))
"""
_PROBE_SECONDS: Final = 60

Packages = Callable[[str], Mapping[str, str]]
"""Returns the versions of an interpreter's packages, by name."""


@dataclass(frozen=True, slots=True)
class Framework:
    """The ``package`` that the scripts of a toolkit import, and its ``title`` for messages."""

    title: str
    package: str


FRAMEWORKS: Final[Mapping[str, Framework]] = {
    "caffe": Framework("Caffe", "caffe"),
    "caffe2": Framework("Caffe2", "caffe2"),
    "chainer": Framework("Chainer", "chainer"),
    "horovod": Framework("Horovod", "horovod"),
    "pyTorch": Framework("PyTorch", "torch"),
    "tensorFlow": Framework("TensorFlow", "tensorflow"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The interpreter that runs a script, and a description of its framework, such as ``PyTorch 2.6.0``."""

    python: str
    description: str
    is_installed: bool = True


def choose(toolkit: str, pythons: Sequence[str], packages: Packages) -> Choice:
    """The first interpreter that has the toolkit's framework; if none has it, the first interpreter.

    Args:
        toolkit: one of ``FRAMEWORKS``.
        pythons: paths of interpreters, at least one.
        packages: returns the packages of an interpreter.
    """
    framework = FRAMEWORKS[toolkit]
    for python in pythons:
        versions = packages(python)
        if framework.package in versions:
            return Choice(python, f"{framework.title} {versions[framework.package]}".strip())
    return Choice(pythons[0], f"{framework.title} (no package {framework.package} is installed)", is_installed=False)


def installed_packages(python: str, names: Sequence[str], *, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Versions of those named packages that an interpreter can import; empty if the interpreter does not run.

    Args:
        python: the path of the interpreter.
        names: names of packages, none of which is imported.
        environment: the environment variables of the interpreter.
    """
    try:
        probe = subprocess.run(
            [python, "-c", _PROBE, *names],
            env=dict(environment),
            cwd="/",  # -c puts the current directory first on sys.path
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
        versions: dict[str, str] = json.loads(probe.stdout) if probe.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return versions
