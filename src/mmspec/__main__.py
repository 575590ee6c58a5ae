"""`python -m mmspec`."""

from mmspec.cli import main

main()
