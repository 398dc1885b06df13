// Images: to come
