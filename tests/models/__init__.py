"""Micro-models: one construct of the language each."""
