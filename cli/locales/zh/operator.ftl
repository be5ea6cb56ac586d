# 运维人员要看的：谁没有消息、哪里不对、怎么办。

lag-head = { $area } · 截至 { $moment }
lag-coverage = { $villages }个村中{ $with }个有数据
lag-ages = { $coverage } · 一半的村不超过{ $half } · 95%的村不超过{ $most } · 最久{ $worst }
lag-all-current = 各村都按时有新数据
lag-silent = { $count }个村超过规定天数没有新数据
lag-never = { $count }个村从未传来自己的数据
lag-failure = { $village }：上次往来失败：{ $reason }
lag-call = 打电话这样说：“请打开电脑、连上网络，输入 shouwang doctor，看最后几行写的是什么？”
lag-stick = 那里没有网络？用 shouwang bundle export --to { $place } 写到U盘带去，再带一份回来
lag-no-villages = 本设备的辖区内没有村
days = { $count }天
hours = { $count }小时
