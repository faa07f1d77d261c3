"""WHAT IF: simulation of capacity and cohorts. Knows only the rules."""
