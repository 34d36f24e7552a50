"""Status: how far a campaign is, for everybody who tells or shows it."""
