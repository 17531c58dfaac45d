"""Trees of files whose names Azure Files takes."""

from hypothesis import strategies as st

from harness.azure_file_names import name_problem

_LETTERS = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"], exclude_characters='"\\/:|<>*?')


def share_trees(*, most: int = 6, largest: int = 4096) -> st.SearchStrategy[dict[str, bytes]]:
    """The contents of files by their paths, of which none is a directory of another.

    Args:
        most: how many files there are at most.
        largest: bytes of a file at most.
    """
    name = st.text(_LETTERS, min_size=1, max_size=20).filter(lambda name: name_problem(name) is None)
    path = st.lists(name, min_size=1, max_size=3).map("/".join)
    trees = st.dictionaries(path, st.binary(max_size=largest), max_size=most)
    return trees.filter(lambda tree: _can_be(list(tree)))


def _can_be(paths: list[str]) -> bool:
    """Whether the paths can lie beside each other: Azure Files does not tell upper from lower case."""
    steps: dict[str, str] = {}
    folded = [path.casefold().upper().lower() for path in paths]
    for path, fold in zip(paths, folded, strict=True):
        parts, folds = path.split("/"), fold.split("/")
        for depth in range(1, len(parts) + 1):
            written, plain = "/".join(parts[:depth]), "/".join(folds[:depth])
            if steps.setdefault(plain, written) != written:
                return False
    return len(set(folded)) == len(folded) and not any(
        other.startswith(f"{fold}/") for fold in folded for other in folded
    )
