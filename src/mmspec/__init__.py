"""An executable specification of Linux's anonymous memory and transparent huge pages."""
