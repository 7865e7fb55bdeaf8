"""pip's own flow with indexes that are verified by TUF (PEP 458)."""
