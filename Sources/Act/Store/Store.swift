// Store: to come
