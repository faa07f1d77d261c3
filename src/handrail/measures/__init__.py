"""HOW WE DO: statistics of a programme. Knows only the rules."""
