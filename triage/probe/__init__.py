"""Pure searchers: a probe yields batches of experiments, is sent observations, returns a verdict."""
