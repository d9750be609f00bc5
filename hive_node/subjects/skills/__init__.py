"""Skills as they come to be: the queue of events, the engines on it, the bench where versions are written and tried, the registry."""
