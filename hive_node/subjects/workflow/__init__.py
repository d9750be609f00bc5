"""A project's own spec as the subject: what its runs suggest, for a person to decide."""
