"""The gRPC server around the engine, its metrics and its command line."""
