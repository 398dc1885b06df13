// Runtime: to come
