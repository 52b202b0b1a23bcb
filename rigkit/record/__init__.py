"""The record: what was said, kept. Log, journal, folder, state and tables."""
