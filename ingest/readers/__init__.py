"""One reader for each kind of file: a function from a path to `Content`."""
