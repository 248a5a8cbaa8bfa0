"""Work that outlasts a request: the tasks, and the worker that executes them."""
