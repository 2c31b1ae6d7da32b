"""One text and one digest for equal values, whatever the order of their keys."""

import hashlib
import json


def canonical(value) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value) -> str:
    """Sixteen hexadecimal digits that stand for a value that JSON can hold."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
