"""What is searched: embedders, the sparse encoder, vector stores, the media store and the catalogue."""
