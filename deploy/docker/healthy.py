"""The container's health check: `healthy.py PATH` fails unless our own server answers 200 there.

What it answers else is printed, for `docker inspect`. The image has no curl; urllib would ask a
proxy that the environment names.
"""

import os
import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=4)
connection.request("GET", sys.argv[1])
response = connection.getresponse()
sys.exit(None if response.status == 200 else f"{response.status} {response.read().decode()}")
