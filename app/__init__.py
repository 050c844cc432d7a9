"""Sitrep: what is different from normal, and where to look first."""
