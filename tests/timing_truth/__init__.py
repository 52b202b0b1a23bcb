"""Truth as the test of the timing estimates: simulated sessions whose every number is known."""
