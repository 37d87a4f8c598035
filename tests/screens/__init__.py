"""Pictures of every page and dialog of the console: `make screens`."""
