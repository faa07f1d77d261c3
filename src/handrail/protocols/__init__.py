"""THE NUMBERS: every clinical number as data, with its source and status."""
