// Control: to come
