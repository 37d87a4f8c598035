"""A display that exists only in memory, with the interface of the real ones: for tests where no display can run."""
