"""The report: a verification as text, as a page, as files."""
