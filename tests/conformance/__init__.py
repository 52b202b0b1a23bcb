"""What any server of the External API must do, simulated or real."""
