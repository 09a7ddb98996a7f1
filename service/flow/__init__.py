"""Decisions and verbs: what happens to a study, told through ports."""
