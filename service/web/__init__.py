"""The front door: pages, JSON, metrics and health over HTTP. It shows and passes on; it decides nothing."""
