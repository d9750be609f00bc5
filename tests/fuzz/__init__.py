"""Mutations of what nodes say, by the million: `make fuzz`. A seeded thousand of each kind runs with the suite."""
