"""Generated protobuf modules, checked in.

Made with grpcio-tools 1.85, from the root of the repository:
`python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. server/flight/proto/*.proto`
"""
