"""A training run, from its first step to what it leaves."""
