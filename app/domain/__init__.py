"""The words of Sitrep as frozen dataclasses: standard library only."""
