"""`preread scp|worker|web|sweep`: one process each, as supervisors and containers start them."""
