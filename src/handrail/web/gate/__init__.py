"""The readiness gate: one screen for a dose, one list for the doses of a site and a day, and what was overridden in a month."""
