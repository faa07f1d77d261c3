"""The public door for referrals: a form, a sheet to fax, and how far a referral got; without an account."""
