"""The budgets of docs/architecture.md, measured on this machine: `python -m benchmarks`. Never part of a test."""
