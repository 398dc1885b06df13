// DNS: messages and zones
