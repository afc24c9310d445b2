"""Answers to files of instances, by the model and the engine of an endpoint."""
