"""Who may do what: callers, tokens, certificates, rates and the audit log."""
