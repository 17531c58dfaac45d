"""Strategies for file trees with names that Azure Files accepts."""

from hypothesis import strategies as st

from harness.azure_file_names import name_problem

_LETTERS = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"], exclude_characters='"\\/:|<>*?')


def share_trees(*, most: int = 6, largest: int = 4096) -> st.SearchStrategy[dict[str, bytes]]:
    """Generate the contents of files by path; no path is a directory of another.

    Args:
        most: the largest number of files.
        largest: the largest size of a file, in bytes.
    """
    name = st.text(_LETTERS, min_size=1, max_size=20).filter(lambda name: name_problem(name) is None)
    path = st.lists(name, min_size=1, max_size=3).map("/".join)
    trees = st.dictionaries(path, st.binary(max_size=largest), max_size=most)
    return trees.filter(lambda tree: _can_coexist(list(tree)))


def _can_coexist(paths: list[str]) -> bool:
    """Whether the paths can exist in one share, because Azure Files ignores case."""
    steps: dict[str, str] = {}
    folded = [path.casefold().upper().lower() for path in paths]
    for path, fold in zip(paths, folded, strict=True):
        parts, folds = path.split("/"), fold.split("/")
        for depth in range(1, len(parts) + 1):
            path_prefix, plain = "/".join(parts[:depth]), "/".join(folds[:depth])
            if steps.setdefault(plain, path_prefix) != path_prefix:
                return False
    return len(set(folded)) == len(folded) and not any(
        other.startswith(f"{fold}/") for fold in folded for other in folded
    )
