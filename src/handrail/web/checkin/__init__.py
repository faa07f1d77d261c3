"""The patient's check-in: a link from the team, one form, and the truth about what happens next."""
