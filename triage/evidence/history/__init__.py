"""The history database: outcomes and durations of every recorded run."""
