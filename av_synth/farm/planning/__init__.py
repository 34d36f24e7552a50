"""Planning: a campaign's file becomes a frozen list of runs."""
