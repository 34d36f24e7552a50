"""Maps: checks of vector maps, masks and basemaps."""
