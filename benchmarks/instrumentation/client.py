"""Fetch each path on standard input over one connection; a path may end in `#` and a range."""

import sys
from http.client import HTTPConnection


def main() -> None:
    connection = HTTPConnection("localhost", int(sys.argv[1]))
    for line in sys.stdin:
        path, _, part = line.strip().partition("#")
        connection.request("GET", path, headers={"Range": part} if part else {})
        connection.getresponse().read()


if __name__ == "__main__":
    main()
