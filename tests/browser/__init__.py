"""What a person sees, in a real browser that can't reach any other machine."""
