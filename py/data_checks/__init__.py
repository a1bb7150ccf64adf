"""What can be wrong with a user's own data: one module per kind of file, found all at once."""
