"""What nodes say to one another. Pure: no I/O, no clock, no randomness of its own. docs/protocol.md is the normative text."""
