"""The desk of the referrals: what came, how old it is, who does what next, and the decision between the options."""
