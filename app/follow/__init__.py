"""Is it getting better? Pure judgement over two points in time."""
