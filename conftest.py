import gc

pytest_plugins = ["pytester"]


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the garbage collector need not look at it ever again."""
    gc.collect()
    gc.freeze()
