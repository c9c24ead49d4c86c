"""Phase C: repairs compared by running them, and the criteria that will close the cluster."""
