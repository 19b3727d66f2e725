"""What leaves a run: book, participant copies."""
