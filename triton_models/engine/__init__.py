"""The engine behind the model folders: one code for Triton's Python backend and for the local server."""
