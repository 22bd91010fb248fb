# Durations
duration-d = { $n } d
duration-h = { $n } h
duration-m = { $n } min
duration-s = { $n } s
zone-note = ({ $zone })
