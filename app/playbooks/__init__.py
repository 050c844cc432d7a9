"""What to look up for which alert."""
