"""The pages of capacity: one site day by day, its numbers, the starts that are booked, who waits; and who was not started."""
