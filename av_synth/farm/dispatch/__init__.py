"""Dispatch: the driver, which has every run of a plan played whatever dies, and what it decides by."""
