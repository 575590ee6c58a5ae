"""Traces: what is kept of an interleaving, and how it is shown."""
