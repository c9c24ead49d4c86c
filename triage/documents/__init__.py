"""Documents: templates, claims with their evidence, marked regions, plans and ledgers."""
