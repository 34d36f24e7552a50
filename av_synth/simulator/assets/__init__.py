"""Looks: meshes of others, with an open licence, that dress bodies of the catalogue."""
