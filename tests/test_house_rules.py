"""Rules for the whole package."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "harness"
MODULES = sorted(PACKAGE.rglob("*.py"))
STANDALONE = (
    "toolkits/jobpath/",
    "compute/supervisor.py",
    "compute/supervisor_server.py",
    "compute/ray/node_server.py",
    "job.py",
)  # these run in a job, without the harness

# The packages that a package may import, as in docs/architecture.md; every package may import the shared modules.
SHARED = {
    "",
    "atomic_file",
    "azure_file_names",
    "clock",
    "disk_errors",
    "errors",
    "extras",
    "fault_plans",
    "fault_vocabulary",
    "file_lock",
    "interruption",
    "lazy_attributes",
    "printable",
    "target",
    "process_identity",
    "request_entry",
    "suggestions",
    "tree_removal",
    "validation_messages",
    "vm_sizes",
}
ALLOWED = {
    "scenario": {"config"},
    "recording": {"config"},
    "clouds": {"config", "recording", "emulator"},
    "resources": {"clouds", "scenario", "config"},
    "services": {"resources", "clouds", "scenario", "config", "toolkits"},
    "search": {"scenario", "config"},
    "experiments": {"search", "services", "resources", "clouds", "scenario", "config", "data"},
    "results": {"experiments", "scenario", "config"},
    "report": {"results", "experiments", "resources", "scenario", "config"},
    "interchange": {"scenario"},
    "strategies": {"interchange", "scenario"},
    "data": {"config"},
    "emulator": {"compute"},
    "compute": {"toolkits"},
    "toolkits": set(),
}


# The modules of the emulator that the engine may import: no HTTP, no API version and no service but storage.
ENGINE_ALLOWED = ("engine", "fault_targets", "faults", "guids", "paths", "storage_service", "store")


def relative(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@functools.cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def imported(module: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports."""
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{relative(module)} imports {name}"
        for module in sorted((PACKAGE / package).rglob("*.py"))
        for name in imported(module)
        if name.startswith("harness.")
        and name.split(".")[1] not in ALLOWED[package] | SHARED | {package, "__version__"}
    ]

    assert wrong == []


def test_only_launching_is_imported_of_the_emulator() -> None:
    names = ("Endpoint", "find", "launch", "orphans", "endpoint", "option_texts", "options", "owner", "reset")
    open_to_all = tuple(f"harness.emulator.{name}" for name in names)
    wrong = [
        f"{relative(module)} imports {name}"
        for module in MODULES
        if not relative(module).startswith("emulator/")
        for name in imported(module)
        if name.startswith("harness.emulator.") and not name.startswith(open_to_all)
    ]

    assert wrong == []


def test_the_engine_knows_no_service() -> None:
    allowed = tuple(f"harness.emulator.{name}." for name in ENGINE_ALLOWED)
    wrong = [
        f"{relative(module)} imports {name}"
        for module in sorted((PACKAGE / "emulator/engine").rglob("*.py"))
        for name in imported(module)
        if name.startswith("harness.emulator.") and not name.startswith(allowed)
    ]

    assert wrong == []


def test_a_kind_of_record_belongs_to_one_class() -> None:
    """The store names the kind of a record by its class, so that two classes of one name would share their rows."""
    classes = [
        (node.name, relative(module), {ast.unparse(base) for base in node.bases})
        for module in sorted((PACKAGE / "emulator").rglob("*.py"))
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.ClassDef)
    ]
    structs = {"msgspec.Struct"}
    while more := {name for name, _, bases in classes if bases & structs} - structs:
        structs |= more
    modules: dict[str, list[str]] = {}
    for name, module, bases in classes:
        if bases & structs:
            modules.setdefault(name, []).append(module)

    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_services_know_no_fault_plans() -> None:
    wrong = [
        f"{relative(module)} imports {name}"
        for module in sorted((PACKAGE / "emulator/providers").rglob("*.py"))
        for name in imported(module)
        if name.startswith("harness.emulator.faults")
    ]

    assert wrong == []


def test_only_the_clock_reads_the_time() -> None:
    forbidden = {
        ("time", "sleep"),
        ("time", "time"),
        ("time", "monotonic"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
    }
    wrong = [
        f"{relative(module)}:{node.lineno}"
        for module in MODULES
        if relative(module) != "clock.py" and not relative(module).startswith(STANDALONE)
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in forbidden
    ]

    assert wrong == []


def test_one_module_knows_the_errors_of_a_full_disk() -> None:
    wrong = [
        f"{relative(module)}:{node.lineno}"
        for module in MODULES
        if relative(module) != "disk_errors.py" and not relative(module).startswith(STANDALONE)
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Attribute) and node.attr in ("ENOSPC", "EDQUOT")
    ]

    assert wrong == []


def test_no_import_is_hidden_in_a_function() -> None:
    fallback = {"data/digits.py"}  # for versions of scikit-learn that keep its file elsewhere
    wrong = {
        f"{relative(module)}:{node.lineno}"
        for module in MODULES
        if not relative(module).startswith(STANDALONE) and relative(module) not in fallback
        for function in ast.walk(parsed(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert sorted(wrong) == []


def test_no_module_is_named_for_nothing() -> None:
    assert not {"utils", "helpers", "common", "misc", "manager", "core", "base"} & {module.stem for module in MODULES}


def test_no_assert_guards_the_package() -> None:
    wrong = [
        f"{relative(module)}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Assert)
    ]

    assert wrong == []
