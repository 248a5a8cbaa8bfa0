"""The header Content-Security-Policy."""

from collections.abc import Mapping


def policy_header(policy: Mapping[str, str]) -> str:
    """Return the value of Content-Security-Policy for these directives."""
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
