"""The Swift package."""
