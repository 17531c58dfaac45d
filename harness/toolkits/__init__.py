"""Translates the toolkit settings of a job into processes, with one pure module for each toolkit."""
