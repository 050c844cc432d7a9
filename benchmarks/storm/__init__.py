"""Ten thousand alerts in a minute, with faults of their own among them."""
