// The door of `berth`.
print("berth")
