"""Names are the nouns of what they hold, and sentences use the standard terms: the rules of CONTRIBUTING.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
AS_PUBLISHED = ("tests/foreign/clients/",)  # programs of others
MODULES = [
    path
    for folder in ("harness", "tests", "bench")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(AS_PUBLISHED)
]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

# Pronouns and participles say that there is a thing, not which.
NO_NOUNS = {"one", "each", "told", "made", "asked", "seen", "found", "given", "known", "kept", "place"}
STORED = {  # names in files and messages that other versions read
    ("harness/cli/diagnosis.py", "found"),
    ("harness/compute/ray/messages.py", "Place"),
    ("harness/compute/ray/staged_job.py", "known"),
    ("harness/experiments/outcomes.py", "place"),
    ("harness/resources/journal.py", "place"),
}
# What a reader has to translate: "reported", "again", "available", "in between".
NO_TERMS = re.compile(r"\b(told|anew|at hand|meanwhile)\b", re.IGNORECASE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def names(module: Path) -> Iterator[tuple[int, str]]:
    """The variables, parameters, functions and classes of a module, with their lines."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


def test_a_name_is_the_noun_of_what_it_holds() -> None:
    wrong = [
        f"{name_of(module)}:{line} {name}"
        for module in MODULES
        for line, name in names(module)
        if name.strip("_").lower() in NO_NOUNS and (name_of(module), name) not in STORED
    ]

    assert wrong == []


def test_sentences_use_the_standard_terms() -> None:
    wrong = [
        f"{name_of(path)}:{number} {line.strip()}"
        for path in [*MODULES, *PAGES]
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NO_TERMS.search(line)
    ]

    assert wrong == []
