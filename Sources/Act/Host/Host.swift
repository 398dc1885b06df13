// Host: to come
