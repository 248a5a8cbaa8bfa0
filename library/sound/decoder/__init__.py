"""The program that decodes one untrusted file. Runs only as a process of its own: see `runner`."""
