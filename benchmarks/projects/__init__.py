"""Real bugs in real projects: small mutations, made at benchmark time, label the failures that they cause."""
