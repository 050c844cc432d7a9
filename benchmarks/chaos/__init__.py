"""Processes, the database and Slack die at random moments; afterwards it is counted what became of every alert."""
