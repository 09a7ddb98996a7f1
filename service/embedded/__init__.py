"""The parts that run embedded by default: Redis, Triton, and the supervisor that keeps every process alive."""
