"""Kernels as sets of named changes."""

from mmspec.kernels.change import Change, Kernel

__all__ = ["Change", "Kernel"]
