// Addressing: IPv4, IPv6, MAC, CIDR, subnet pools, port mappings
