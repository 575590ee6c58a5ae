"""Exploring interleavings."""
