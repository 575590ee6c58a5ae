"""Kernels as sets of named changes."""

from mmspec.kernels.change import WATCHED, Change, Kernel

__all__ = ["WATCHED", "Change", "Kernel"]
