"""What has changed in the library: a version of everything that the public list shows."""
