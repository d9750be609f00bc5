"""Inputs that are meant to make the scope guard slow: `python -m tests.traps` tries every one, the suite some."""
