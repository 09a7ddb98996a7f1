"""The house itself: words, decisions, memory, front door, command line."""
