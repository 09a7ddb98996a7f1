"""Adapters: memory and edges; each implements one port and knows one technology."""
