"""One module for each coding agent: what it is given, where it reads it, and what its own records say of a session."""
