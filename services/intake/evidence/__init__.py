"""Evidence: what a file is, by its content, and whether it is clean."""
