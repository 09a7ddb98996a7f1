"""The engines behind the model folders: one code for Triton's Python backend and for the local server."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # GenAI's wheels send telemetry from their first import on
