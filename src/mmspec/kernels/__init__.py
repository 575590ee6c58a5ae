"""Kernels as sets of named changes."""

from mmspec.kernels.change import COUNTED, WATCHED, Change, Kernel

__all__ = ["COUNTED", "WATCHED", "Change", "Kernel"]
