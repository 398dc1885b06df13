// Supervision: to come
