"""The package index, read politely: which wheels exist and what they say of themselves."""
