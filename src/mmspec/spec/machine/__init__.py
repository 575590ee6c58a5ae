"""What mm/ stands on: locks, page-table entries, the TLB, memory."""
