"""REST, and the webhooks."""
