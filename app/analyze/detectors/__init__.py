"""One file for each concern."""
