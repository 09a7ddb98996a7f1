"""Catalogues of messages (gettext, one folder per language) and what reads them."""
