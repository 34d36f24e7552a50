"""Device effects as pure functions on arrays."""
