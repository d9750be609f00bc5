"""Alembic's scripts. A released migration is never edited; a change of schema is a new file."""
