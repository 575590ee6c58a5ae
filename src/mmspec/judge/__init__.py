"""Can a drawn race happen? Diagrams are read, and looked for among all interleavings."""
