"""The HTML report: its script, its style, and how both are put into one file."""
