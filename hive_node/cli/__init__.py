"""The commands: thin clients of the admin API. Exit 0 done, 1 a clear *no*, 2 wrong usage, 3 the daemon cannot be reached."""
