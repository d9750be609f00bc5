"""The nouns of a coding agent's configuration: variants, sessions, signals, contests. Pure: no I/O, no clock, no chance."""
