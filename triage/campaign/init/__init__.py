"""`triage init`: what is found out about a suite, what is proposed for it, and the files that are written."""
