"""The Arrow Flight SQL front: the only room that knows gRPC and protobuf."""
