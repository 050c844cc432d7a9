"""What all log stores share: lines become patterns, the usual time is sampled, what is read is counted."""
