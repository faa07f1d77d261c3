"""THE VERBS: one fact, one transaction. Nothing else writes clinical rows.

Each verb locks the course, inserts its fact, assesses, opens and closes alerts, stores when to look again, and commits. It
returns what a person should be told: the truth about what is saved and who is being called.
"""
