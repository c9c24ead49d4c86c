"""The only room that speaks SQL: the history of outcomes and durations."""
