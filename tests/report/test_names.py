"""Names of what memory holds: all objects have one, and the judge can read it."""

from __future__ import annotations

import importlib
import pkgutil

import mmspec.spec
from mmspec.lang.structs import Pool, static_pool
from mmspec.report.names import CALLED, entry, mapping
from mmspec.spec.machine import pgtable
from mmspec.spec.page.ksm import STABLE_NODE_ADDRESS, STABLE_NODE_SIZE
from mmspec.spec.page.page_flags import PAGE_MAPPING_KSM


def test_all_objects_have_a_name() -> None:
    kinds = set()
    for module in pkgutil.walk_packages(mmspec.spec.__path__, "mmspec.spec."):
        for value in vars(importlib.import_module(module.name)).values():
            made = value if isinstance(value, Pool) else static_pool(value)
            if made is not None:
                kinds.add(made.cls.__name__)

    assert "Page" in kinds
    assert kinds <= set(CALLED)


def test_an_entry_that_is_a_hint_is_no_swap_entry() -> None:
    kept = pgtable.pte_modify(pgtable.pfn_pte(3, pgtable.PAGE_COPY), pgtable.PAGE_NONE)

    assert entry(kept, False) == "pfn 3 accessed protnone"


def test_a_merged_page_belongs_to_a_node_or_to_none_yet() -> None:
    node = STABLE_NODE_ADDRESS + STABLE_NODE_SIZE

    assert mapping(node + PAGE_MAPPING_KSM) == "stable_nodes[1]|ksm"
    assert mapping(PAGE_MAPPING_KSM) == "ksm"
