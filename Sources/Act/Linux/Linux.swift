// Linux: to come
