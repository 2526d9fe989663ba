"""Ground truth of the claims audit: simulated FBA years whose every unit and cent is known."""
