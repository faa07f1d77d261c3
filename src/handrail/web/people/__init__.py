"""The desk of people: the organisation, its sites, who works there in which role, and the first password of each."""
