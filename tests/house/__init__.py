"""Checks of the house itself, each shown to fail on a planted violation."""
