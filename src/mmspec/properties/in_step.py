"""Properties that the restated functions, the machine and the language check as they run."""

from __future__ import annotations

from mmspec.properties.property import in_step

no_assertion_fails = in_step(
    "no_assertion_fails",
    "VM_BUG_ON",
    explanation="Every VM_BUG_ON of the restated functions (CONFIG_DEBUG_VM) holds.",
)
no_warning_is_printed = in_step(
    "no_warning_is_printed",
    "WARNING",
    explanation="No VM_WARN_ON of the restated functions (CONFIG_DEBUG_VM) fires.",
)
no_BUG_is_hit = in_step(
    "no_BUG_is_hit",
    "BUG_ON",
    explanation="No BUG() or BUG_ON() of the restated functions is reached.",
)
the_kernel_does_not_oops = in_step(
    "the_kernel_does_not_oops",
    "oops",
    explanation="No NULL or wild pointer is followed.",
)
no_list_is_corrupted = in_step(
    "no_list_is_corrupted",
    "list corruption",
    explanation="A list's pointers lead to list heads (CONFIG_DEBUG_LIST).",
)
no_page_is_freed_in_a_bad_state = in_step(
    "no_page_is_freed_in_a_bad_state",
    "Bad page state",
    explanation="What is freed or allocated has no mapping, no references, no stray flags.",
)
page_tables_hold_only_what_they_may = in_step(
    "page_tables_hold_only_what_they_may",
    "bad pmd",
    "bad pte",
    "page table",
    explanation="No entry is bad, no table is freed twice or walked after it was freed.",
)
rss_is_zero_at_exit = in_step(
    "rss_is_zero_at_exit",
    "Bad rss-counter state",
    explanation="An address space that is freed has given up every page it counted.",
)
page_tables_are_all_freed_at_exit = in_step(
    "page_tables_are_all_freed_at_exit",
    "non-zero nr_ptes",
    explanation="An address space that is freed has given up every page table it counted.",
)
no_swap_entry_is_freed_twice = in_step(
    "no_swap_entry_is_freed_twice",
    "swap",
    explanation="A slot is given up only by an entry that it counts.",
)
no_store_is_lost = in_step(
    "no_store_is_lost",
    "lost store",
    explanation="A load returns the last store to that address in that process.",
)
what_readers_are_told_is_so = in_step(
    "what_readers_are_told_is_so",
    "wrong report",
    explanation="pagemap and smaps tell of each page what its entry says as they look at it.",
)
no_processor_uses_a_freed_page = in_step(
    "no_processor_uses_a_freed_page",
    "use after free",
    explanation="A load or a store reaches no page that has been freed.",
)
no_process_reads_what_another_stored = in_step(
    "no_process_reads_what_another_stored",
    "leak",
    explanation="What is read through a pin is what the process itself had in that page.",
)
nobody_waits_for_a_freed_page = in_step(
    "nobody_waits_for_a_freed_page",
    "wait for a freed page",
    explanation="Who waits until a page is unlocked sees to it that it is not freed meanwhile.",
)
no_data_race = in_step(
    "no_data_race",
    "data race",
    explanation="A field that is declared to be protected by a lock is accessed with it held.",
)
no_store_to_a_protected_page_goes_unreported = in_step(
    "no_store_to_a_protected_page_goes_unreported",
    "unreported store",
    explanation="A store to what UFFDIO_WRITEPROTECT has protected waits for the userfaultfd.",
)
nobody_sleeps_under_a_page_table_lock = in_step(
    "nobody_sleeps_under_a_page_table_lock",
    "sleeping in atomic context",
    explanation="What may sleep is not called with a page table's lock held "
    "(CONFIG_DEBUG_ATOMIC_SLEEP).",
)
locks_are_used_as_locks = in_step(
    "locks_are_used_as_locks",
    "locking",
    explanation="Only who holds a lock releases it.",
)
