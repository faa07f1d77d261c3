"""A door: pages for staff, patients and caregivers."""
