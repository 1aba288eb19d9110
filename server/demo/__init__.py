"""`watersmeet demo`: embedded sources with sample data, the server, and federated queries through a real client."""
