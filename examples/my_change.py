"""What if an entry that will fault needs no flush? (It does: TLBs still have the old one.)"""

from mmspec import Change
from mmspec.lang import u32, u64
from mmspec.spec.page.mm_types import Pte, Vma
from mmspec.spec.page.pgtable import ptep_clear_flush, ptep_get_and_clear

MY_CHANGE = Change("mm: do not flush what will fault", name="MY_CHANGE")


@ptep_clear_flush.changed(MY_CHANGE)
def ptep_clear_only(vma: Vma, address: u32, pte: Pte) -> u64:
    """Exchange with 0. The entry that comes here faults, so nobody can use the page."""
    return ptep_get_and_clear(pte)
