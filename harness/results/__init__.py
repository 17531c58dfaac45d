"""The results of a run: read, selected, shown as a table, and exported."""
