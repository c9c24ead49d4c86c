"""preflight > plan > execute > reconcile > record."""
