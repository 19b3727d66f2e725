"""An engagement: its file, its run, its manifest."""
