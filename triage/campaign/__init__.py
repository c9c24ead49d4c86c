"""What the commands share: services, the baseline run, decisions, checks, next steps."""
