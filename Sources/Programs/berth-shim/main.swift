// The door of `berth-shim`.
print("berth-shim")
