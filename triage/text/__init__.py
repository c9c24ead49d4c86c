"""Text made safe: redaction, escaping, sanitizing."""
