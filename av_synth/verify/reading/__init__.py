"""Reading: the files of a dataset as values, without trusting them."""
