"""The change judged against its base: the red tests, and only they, run on the base commit."""
