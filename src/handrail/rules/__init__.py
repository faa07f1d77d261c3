"""THE RULES: one file per clinical question. Standard library only, and the time is always an argument."""
