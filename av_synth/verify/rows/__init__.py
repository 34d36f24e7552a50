"""Rows: checks of what tables say, by themselves and over time."""
