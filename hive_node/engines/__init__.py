"""The shipped learning engines. Each is switched on by its name under `[skills] engines`; none is on by itself."""
