"""The rewriting rules: one file each, a tree in, a new tree or the very same tree out."""
