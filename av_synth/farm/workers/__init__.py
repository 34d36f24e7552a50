"""Workers: processes that play runs, on this machine and on the machines of a Ray."""
