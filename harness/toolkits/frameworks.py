"""The training frameworks that scripts import: which interpreter has one, and in which version."""

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
found = {}
for name in sys.argv[1:]:
    if importlib.util.find_spec(name):
        try:
            found[name] = version(name)
        except Exception:
            found[name] = ''
print(json.dumps(found))
"""
_PROBE_SECONDS: Final = 60

Packages = Callable[[str], Mapping[str, str]]
"""Versions of the frameworks' packages that an interpreter has, by package."""


@dataclass(frozen=True, slots=True)
class Framework:
    """What the scripts of a toolkit import: the ``package``, and its ``title`` for people."""

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
    """The interpreter that runs a script, and what it trains with, for people: ``PyTorch 2.6.0``."""

    python: str
    description: str
    is_installed: bool = True


def choose(toolkit: str, pythons: Sequence[str], packages: Packages) -> Choice:
    """The first interpreter that has the toolkit's framework; where none has, the first of all.

    Args:
        toolkit: one of ``FRAMEWORKS``.
        pythons: paths of interpreters, at least one.
        packages: tells what an interpreter has.
    """
    framework = FRAMEWORKS[toolkit]
    for python in pythons:
        found = packages(python)
        if framework.package in found:
            return Choice(python, f"{framework.title} {found[framework.package]}".strip())
    return Choice(pythons[0], f"{framework.title} (no package {framework.package} is installed)", is_installed=False)


def installed_packages(python: str, names: Sequence[str], *, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Versions of the packages, of those asked for, that an interpreter could import; empty where it does not run.

    Args:
        python: its path.
        names: of packages; none of them is imported.
        environment: that it runs in.
    """
    try:
        probe = subprocess.run(
            [python, "-c", _PROBE, *names],
            env=dict(environment),
            cwd="/",  # -c puts the current directory first on the path of imports
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
        found: dict[str, str] = json.loads(probe.stdout) if probe.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found
