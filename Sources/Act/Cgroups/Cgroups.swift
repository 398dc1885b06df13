// Cgroups: to come
