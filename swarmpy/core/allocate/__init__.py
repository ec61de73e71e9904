"""What a swarm hands out once only: subnets, addresses and published ports."""
