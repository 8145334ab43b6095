"""A corpus that the project makes itself, and a tour over it: `python -m demo`."""
