"""Code that a probe plants in the process under test: meters and treatments."""
