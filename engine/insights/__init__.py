"""What a seller's prices have brought, and what follows from it: history, advice, reviews."""
