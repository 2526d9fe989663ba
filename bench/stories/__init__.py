"""Small scripted stories for the pictures of docs/strategies.md, played against the real engine."""
