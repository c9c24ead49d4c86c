"""Phase D: exit criteria run in their scopes, and only then a cluster resolved."""
