"""What the HTML report shows: collected from the evidence, so that `triage check` can collect it again."""
