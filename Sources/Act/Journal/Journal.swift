// Journal: to come
