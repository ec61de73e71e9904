"""The SDK: what people's programs and our own CLI speak to a swarm with."""
