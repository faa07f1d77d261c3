"""THE VERBS: one fact, one transaction. Nothing else writes clinical rows."""
