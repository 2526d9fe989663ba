"""The gRPC services. Mutating calls are bytes in and bytes out; reads use generated messages."""
