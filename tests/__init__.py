"""The tests. They run by `python3 tests/run.py checks`, or by `pytest` in an environment that has the extra `test`."""
