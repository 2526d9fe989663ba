"""The market in which the repricing engine is judged, and the oracle that it is judged against.

    chance      common random numbers: the same draws for every policy
    regimes     what makes one market differ from another, by name
    world       hidden parameters of the ASINs, drawn by seed
    buybox      who gets the Buy Box, and what a price can expect to earn
    rivals      competitors that move, come, go, run out of stock, or are bots
    messages    notifications and polls: late, lost, repeated, out of order
    policies    who sets our price: the named rules, `oracle`, and `shop` around the engine
    simulation  one run of one policy in one regime
    report      shares of the oracle's profit with intervals; `charts` draws them

docs/market.md says what is measured and what came out.
"""
