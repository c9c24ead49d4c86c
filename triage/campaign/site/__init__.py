"""`triage report --site DIR`: all runs as a static site, an index and a page for each run."""
