"""Advice on a project's spec: what its runs showed, what follows from it, and which changes of hive.toml are allowed. Pure."""
