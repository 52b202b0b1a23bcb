"""Benches: ``python -m tests.bench [NAME ...] [--rounds N]``.

Each bench measures rigkit and its peers side by side in one run: every round calls every way once, each round begins with
another one, and what counts is the median of the rounds and their range. The ratios travel between machines, the absolute
times do not. A bench fails no test; ``tests/test_bench.py`` only proves that each one still runs.
"""
