"""Values to markdown, HTML and CI formats: text only."""
