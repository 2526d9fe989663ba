"""The repricing core: columns in, decisions out. Knows nothing of gRPC, protobuf or the clock."""
