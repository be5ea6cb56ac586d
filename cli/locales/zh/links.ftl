# 通过线路交换了什么，进展如何。

help-budget = 流量要付费时，限定每天交换的字节数
    .example =
        shouwang budget set 2M
        shouwang budget show
        shouwang budget off
help-budget-show = 说明今天用了多少，有没有内容要等到明天
    .example = shouwang budget show
help-budget-set = 用满后，普通记录等到第二天；紧急事件、授权和回执从不等待，办公室局域网不计入
    .size = 每天的字节数，如 500k、2M、1.5G
    .example =
        shouwang budget set 2M
        shouwang budget set 500k
help-budget-off = 有多少交换多少
    .example = shouwang budget off

budget-none = 没有每日限额：有多少交换多少
budget-left = 每日限额 { $daily }：今天已用 { $spent }
budget-spent = 每日限额 { $daily } 已用完（{ $spent }）：普通记录等到 { $at }，紧急事件照发
hint-budget = 有 { $count } 条记录在等明天的流量；今天就要发：shouwang budget off
peer-held-back = 在线，等待流量
sync-held-back = 其余的先等着：其中一方今天的流量已用完。紧急内容已经交换
hint-held-back = 看是不是本机：shouwang budget show；今天就要继续，在那一方：shouwang budget off
sync-bar = { $done }/{ $total } 条 · { $percent } % · 每秒 { $rate } · 还需 { $eta } · { $peers }

error-budget_small = 每天至少要 { $least } 字节（保持联系、几次连接、一起紧急事件）；{ $bytes } 太少
    .hint = 例如：shouwang budget set 500k
