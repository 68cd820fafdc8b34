"""The run folder, and what a person sees in it."""
