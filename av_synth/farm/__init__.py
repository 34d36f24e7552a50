"""Many runs at once: a frozen plan, workers that may be killed at any moment, and a store that loses nothing."""
