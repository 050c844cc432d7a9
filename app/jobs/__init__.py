"""The durable jobs and the loops around them: what a worker process does."""
