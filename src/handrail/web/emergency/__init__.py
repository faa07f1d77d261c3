"""The emergency page: what the card opens for an emergency department, without an account."""
