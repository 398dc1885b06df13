// Blueprint: x
