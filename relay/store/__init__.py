"""What the relay keeps: SQLite through SQLAlchemy, its schema moved forward by migrations when it starts."""
