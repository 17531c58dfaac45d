import gc

pytest_plugins = ["pytester"]

gc.disable()  # until the tests are collected, because imported modules are never garbage


def pytest_collection_finish() -> None:
    """Enable the garbage collector, without the objects that exist so far."""
    gc.freeze()
    gc.enable()
