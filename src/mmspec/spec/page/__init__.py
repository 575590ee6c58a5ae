"""Kernels built on struct page: one module for each file of mm/.

rmap, huge_memory and migrate need each other; whichever is wanted, rmap is imported first.
"""

from mmspec.spec.page import rmap as rmap
