"""How much SQLite executes: the cost of an operation of a store, whatever the machine does besides."""

from collections.abc import Callable

from harness.emulator.store import Store


def steps(store: Store, act: Callable[[], object]) -> int:
    """Hundreds of instructions that SQLite executes during a call."""
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    store._connection.set_progress_handler(tick, 100)
    try:
        act()
    finally:
        store._connection.set_progress_handler(None, 0)
    return ticks
