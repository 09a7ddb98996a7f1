"""From a claimed job to its results: select, read, prepare, ask, interpret, encode. Pure where it can be."""
