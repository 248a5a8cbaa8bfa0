"""The container's health check: `healthy.py PATH` fails unless the server responds with 200.

Any other response is printed, for `docker inspect`. The image has no curl, and urllib would use a
proxy from the environment.
"""

import os
import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=4)
connection.request("GET", sys.argv[1])
response = connection.getresponse()
sys.exit(None if response.status == 200 else f"{response.status} {response.read().decode()}")
