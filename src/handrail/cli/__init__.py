"""The `handrail` command. Needs Django only in commands that need a database."""
