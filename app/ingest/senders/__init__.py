"""One file for each kind of sender."""
