"""The audit of a seller's FBA year: reports in, claims out.

Dates are handed in; nothing here looks at a clock. `imports.import_paths` reads reports,
`audit.run` finds claims, `lifecycle` follows them to payment.
"""
