"""Nouns and pure decisions; no I/O, no clock, no logger, no technology but pydicom's vocabulary."""
