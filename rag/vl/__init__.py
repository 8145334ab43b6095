"""The sparse vision-language model: local, served, profiled and measured expert by expert."""
