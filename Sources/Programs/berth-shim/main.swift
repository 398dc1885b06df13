print("berth-shim")
