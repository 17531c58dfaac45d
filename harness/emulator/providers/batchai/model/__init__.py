"""What clients ask for, what the store remembers, and how each API version writes it."""
