"""A coding agent's configuration as a subject: put in place for each session, measured by how the session goes."""
