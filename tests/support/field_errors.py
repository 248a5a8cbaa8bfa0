"""Errors of fields and parameters in a response of the API."""

import requests


def faulty(response: requests.Response) -> list[str]:
    """Return the names that have errors; the codes must be those of the sentences."""
    errors = response.json()
    codes = errors.pop("codes")
    assert [code.rpartition(".")[0] for code in codes] == [
        name for name, sentences in errors.items() for _ in sentences
    ]
    return list(errors)
