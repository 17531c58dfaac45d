"""Which packages an import needs, and which a requirement brings."""

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def normal(name: str) -> str:
    """The name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(modules: Iterable[str]) -> set[str]:
    """The packages that are loaded once some modules are imported, without the harness itself."""
    look = (
        f"import sys, {', '.join(modules)}; [print(getattr(each, '__file__', None)) for each in sys.modules.values()]"
    )
    done = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines())
    needed = {
        normal(package.name) for package in importlib.metadata.distributions() if not loaded.isdisjoint(_files(package))
    }
    # A virtual environment may hook setuptools into the start of every interpreter.
    return needed - {"batchai-harness", "setuptools"}


def _files(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    """The modules of a package. Its top-level name does not identify it, since many packages share ``azure``."""
    return (str(distribution.locate_file(file)) for file in distribution.files or () if file.suffix in (".py", ".so"))


def with_requirements(names: Iterable[str]) -> set[str]:
    """Packages and all that they need."""
    packages: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another system or version of Python
            continue
        if normal(name) not in packages:
            packages.add(normal(name))
            queue += [re.split(r"[^\w.-]", requirement)[0] for requirement in requires if "extra ==" not in requirement]
    return packages
