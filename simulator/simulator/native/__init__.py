"""The compiled path: a small C file, built on the user's machine at first use, and its plain torch twin as
fallback."""
