"""The setting of the next dose of a course: what is recommended and why, what is missing, the roster, and the decision."""
