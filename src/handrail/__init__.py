"""Handrail runs outpatient programmes for bispecific antibodies in multiple myeloma."""

__version__ = "0.1.0"
