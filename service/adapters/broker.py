"""Is the broker fit for use? It answers, and it refuses rather than evict."""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError

NOEVICTION = "noeviction"


def problem(url: str, *, timeout_s: float = 2.0) -> str | None:
    """Why the broker at `url` cannot be used, in words; None if it can."""
    address = url.replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as redis:
            policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
    except (RedisError, OSError) as error:
        return f"the broker does not answer: {type(error).__name__}"
    if policy != NOEVICTION:
        return f"the broker would drop messages under memory pressure (maxmemory-policy is {policy}, not {NOEVICTION})"
    return None
