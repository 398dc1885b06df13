// Networking: to come
