"""Container images of a built model. Imports the standard library and manifest only."""
