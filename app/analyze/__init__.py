"""Evidence to Assessment; pure."""
