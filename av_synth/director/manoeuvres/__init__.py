"""Manoeuvres: those who move by the scenario, and how they do what it asks of them."""
