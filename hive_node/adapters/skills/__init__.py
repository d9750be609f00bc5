"""Other people's code on the node: handlers and engines in processes of their own, plug-ins by entry point."""
