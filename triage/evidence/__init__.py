"""STAMP folders, manifests, the journal file, claims: atomic writes, redaction first."""
