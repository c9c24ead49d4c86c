"""Extension points: one pluggy specification file, and the manager that checks registrations."""
