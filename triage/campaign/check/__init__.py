"""`triage check`: one file for each thing that is recomputed; `project.py` asks them all."""
