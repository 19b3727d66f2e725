"""From a client's exports to a store: read, sorted row by row, made confidential, and reported on."""
