"""Where the emulator's jobs run: a Protocol, its records, and one module per back end."""
