"""The benchmark of Lakegate and its peers; see scripts/bench."""
