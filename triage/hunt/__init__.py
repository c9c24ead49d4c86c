"""`triage hunt`: look for latent flaky tests in a green suite, and prove each."""
