"""Phase B: a subject, a claim that is checked, a ladder of probes, a cause with its evidence."""
