# 节点运行时看到的情况。

watch-running = 节点正在运行
watch-not-running = 这里没有节点在运行；每秒再找一次：shouwang up
watch-no-answer = { $seconds }秒没有回应：节点正忙，或已停住
watch-looking = 正在找节点……
watch-peers = 对方
watch-happenings = 动态
watch-here = 本机
watch-nothing-wrong = 没有问题
watch-more = 还有{ $count }项：shouwang doctor
watch-no-peers = 还没有见过任何对方
watch-nothing-happened = 节点启动以来还没有动静
watch-forgotten = 更早的{ $count }项已不再记得
watch-keys = q 退出 · ↑↓ 滚动 · Tab 换一栏 · r 立即再看
watch-small = 窗口太小
watch-all-here = 已全部交换
watch-last = 上次完成：{ $age }
watch-never-done = 从未完成

happening =
    .began = 开始往来
    .proved = 已证明授权
    .done = 交换完成
    .silent = 发出的没有得到确认
    .parted = 连接断开
    .failed = 往来中断：{ $reason }
    .received = 收到{ $count }条
    .refused = 发来的被拒收：{ $reason }
    .set_aside = { $count }条已保留，不生效：{ $reason }
    .set_aside_there = 不承认本机的{ $count }条：{ $reason }
    .wrote = 写入{ $count }条
    .incidents = 新增{ $count }起紧急事件：shouwang incident list
    .conflicts = 新增{ $count }处冲突：shouwang conflicts list
    .authority = 权限有变化
    .forked = 同一日志有了两个分支：shouwang doctor

error-bad_metrics_token = { $path } 的第一行不能作口令：至少{ $length }个字符，不含空格
    .hint = 例如：head -c 24 /dev/urandom | base64 > { $path }
no-log-file = 没有写日志：{ $path }：{ $detail }
manual-written = 手册已写入 { $path }
