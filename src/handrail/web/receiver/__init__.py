"""The page of a receiver without an account: a link, a short code, and a hand-off that a named person reads and accepts."""
