"""Rules that decide which failures have one cause, each with the evidence it goes by."""
