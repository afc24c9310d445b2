"""Answers for callers who do not wait: submitted, worked off a queue, fetched later."""
