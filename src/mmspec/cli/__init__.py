"""The command line: one module for each family of verbs."""

from mmspec.cli.main import main

__all__ = ["main"]
