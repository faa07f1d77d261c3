"""WHAT HAPPENED: courses, append-only events, documents and the log of looks."""
