import gc

pytest_plugins = ["pytester"]

gc.disable()  # until all is collected: what is imported stays


def pytest_collection_finish() -> None:
    """The garbage collector begins its work, and need never look at what there is by now."""
    gc.freeze()
    gc.enable()
