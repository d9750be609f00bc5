"""A whole hive in one process, for people who plan and for tests: the real flows, guards, fold and network of every node.

Time is the event loop's own and jumps from one alarm to the next, so that a simulated day takes a moment; chance is seeded, so
that a story is the same story in every run. What is not real: the store (in memory), TLS and HTTP (one function call a
question), and the keys, which are made of the nodes' names.
"""
