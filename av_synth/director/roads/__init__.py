"""Roads: where a map has what a scenario asks for, and the lines that lead over it."""
