"""From failures to clusters, and their identity against what the journal knows."""
