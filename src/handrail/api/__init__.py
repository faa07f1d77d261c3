"""A door: JSON for phones and devices."""
