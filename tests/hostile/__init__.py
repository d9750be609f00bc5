"""What a hostile member, or a stranger, can do to a real node over a socket; all against one node, which is looked at in the end."""
