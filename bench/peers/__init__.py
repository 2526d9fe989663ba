"""The frozen set in other tools, each its best honest effort and each with the same answers.

A peer has `prepare(frozen)`, untimed, which lays the columns out as suits the tool best, and
`evaluate(prepared)`, timed, which gives item prices and reference prices. `bench.frozen` says what
is to be worked out.
"""
