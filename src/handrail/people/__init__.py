"""WHO: organisations, sites, users, roles, certificates, the rota and patients' contacts."""
