// Planning: project and observed to a plan
