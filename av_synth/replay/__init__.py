"""Runs again: played back from their logs, made anew and compared, varied in one factor."""
