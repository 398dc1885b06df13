// ContainerInit: to come
