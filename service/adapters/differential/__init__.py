"""Differential: the table of associations as a TOML file, ours or the site's."""
