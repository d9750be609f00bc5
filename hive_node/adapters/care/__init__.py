"""Care of a node's data: backup, restore, export, wipe. None of it needs a running daemon."""
