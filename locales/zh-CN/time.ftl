# 时长
duration-d = { $n } 天
duration-h = { $n } 小时
duration-m = { $n } 分
duration-s = { $n } 秒
zone-note = （{ $zone }）
