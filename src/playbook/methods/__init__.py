"""Published methods as pure functions on arrays and frames."""
