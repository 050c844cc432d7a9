"""One file or folder for each source."""
