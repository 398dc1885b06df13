// Netlink: to come
