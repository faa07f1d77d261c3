"""Sites and levels: the list, the checklist of a site and product, and the public page of a place."""
