"""`make bench-guard`: the scope guard beside its peers, on one corpus, in one run."""
