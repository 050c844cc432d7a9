"""What changed in the cluster: the source's watch → store, and back as evidence."""
