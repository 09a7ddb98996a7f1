"""One file per family; the docstring of `export` says what it holds."""
