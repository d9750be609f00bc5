"""`hive-node scan`: files, folders, standard input and git's changes through the scope guard's engine."""
