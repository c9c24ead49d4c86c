"""`triage mcp`: the commands as tools of the Model Context Protocol, with answers that fit into a context."""
