"""Child processes, the fork server, Dask, and git."""
