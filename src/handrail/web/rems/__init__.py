"""The REMS desk: which site may dispense what, the representative's list, papers, modes, a product's set-up, the binder."""
