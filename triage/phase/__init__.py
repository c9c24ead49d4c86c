"""The phases of a campaign: baseline, probing, design, verify."""
