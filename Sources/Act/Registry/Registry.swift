// Registry: to come
