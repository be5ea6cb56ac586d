# 各界面的文字。

list-separator = 、
phrase-separator = ；
labelled = { $label }：{ $value }
unknown = 不详
never = 从未
now = 刚刚
clock-went-back = 本机时钟倒退了
seconds-ago = { $count } 秒前
minutes-ago = { $count } 分钟前
hours-ago = { $count } 小时前
days-ago = { $count } 天前
dry-run = 只是试算，没有写入
more-rows = ……另有 { $count } 行，加 --verbose 或 --json 查看

# 建网。
default-name-county = 县民政局
default-name-township = 乡镇民政办
default-name-village = 村委会
init-done = { $name }是 { $area } 新网的第一台设备
own-fingerprint = 本设备指纹：{ $fingerprint }
root-key-in-file = 根密钥只在 { $path } 中。请抄在纸上锁好，再删除该文件：全部设备丢失时只能靠它恢复，谁拿到它谁就掌握整张网
root-key-on-screen = 以下是根密钥，只显示这一次，不作保存：请抄在纸上锁好。全部设备丢失时只能靠它恢复，谁拿到它谁就掌握整张网
init-next = 接下来：shouwang area import 文件，再运行 shouwang up
request-pass-on = 请把这串申请码交给有权授权的人（发消息、写在纸上或念出来均可）：
compare-aloud = 请与对方念一遍核对：{ $fingerprint }
request-next = 然后：shouwang join 邀请码
grant-done = { $name }在 { $area } 的角色是{ $role }
invite-in-file = 邀请码在 { $path }
grant-next = 把邀请码交给新设备：shouwang join 邀请码
grant-next-file = 把该文件交给新设备：shouwang join --file { $path }
join-done = 本设备是{ $name }，{ $area } 的{ $role }
join-next = 接下来：shouwang up
join-next-without-address = 接下来：shouwang up；其他节点不在本局域网时加上 --peer 地址

# 地名。
area-imported = 地名：新增 { $new }，更名 { $changed }，不变 { $unchanged }
area-outside = 有 { $count } 个地方不在本设备的辖区内，未作处理：
area-line-fault = 第 { $line } 行不是地名：{ $reason }
no-places = 还没有地名：shouwang area import 文件

# 运行。
up-ready = 节点已运行
up-listening = 监听 { $address }
up-admin = 本机命令通过 { $address } 与它往来
up-stop = 按 ctrl-c 停止
up-stopped = 节点已停止

# 口令与备份。
passphrase-prompt = 本节点的口令：
passphrase-prompt-new = 新口令：
passphrase-prompt-again = 再输一遍：
passphrase-changed = 已改用新口令
key-file-changed = 已改用密钥文件。请与本机分开保管并另存一份：没有它，谁也读不了本节点的数据
secret-of-old-backups = 此前的备份仍用当时的口令或密钥文件打开
secret-forgotten = 口令忘记或密钥文件丢失，谁也无法找回。请用新目录重新加入（shouwang --home NEW request，再 grant、join）：同步过的内容会从其他节点取回
backup-progress = 备份中
backup-done = 备份已写入 { $path }，{ $bytes } 字节
backup-secret = 打开它要用本节点现在的口令或密钥文件，别无他法
restore-done = 已恢复到 { $home }
restore-next = 先同步一次再录入：shouwang sync。备份之后的内容会从其他节点取回。不要再同时运行旧目录
compact-done = 已重写：原 { $before } 字节，现 { $after } 字节

# 导入。
import-progress = 正在导入
import-heading =
    .import-rejected = 退回：以下各行没有导入
    .import-skipped = 跳过：以下各行不是老人，或前面已有
    .import-gaps = 缺项：以下各行已导入，但缺这些内容
import-sheet-without-header = 工作表“{ $sheet }”没有表头，未读取
import-unknown-column = 工作表“{ $sheet }”第 { $column } 列（{ $heading }）不认识，未读取
import-rejected-hint = 要改正退回的行：shouwang import 文件 --rejected 退回.xlsx
no-row-rejected = 没有退回的行，未写 { $path }
rejected-written = { $count } 行退回内容在 { $path }：改好后导入该文件

# 老人与探访。
elder-added = 已建档 { $id }
elder-saved = 已保存档案 { $id }
elder-same = 档案 { $id } 内容相同，未作更改
no-elders = 没有老人
elder-count = 共 { $count } 位老人
card-not-here = 一档一卡尚未到达
conflict-with = 冲突：{ $values }
settle-conflict = 定为正确的一个：shouwang elder set { $id } { $field }=…
conflict-beside = { $part }中{ $field }冲突：生效 { $effective }，另存 { $others }
differs-in = { $part }为{ $value }
unsettled-line = { $count } 条记录已保存但未生效：{ $reason }
visit-added = 探访已记入档案 { $id }
no-visits = 没有探访
visit-count = 共 { $count } 次探访

# 状况与往来。
status-head = { $area } · { $name } { $device }（{ $role }）
status-totals = 老人 { $elders } · 记录 { $entries } · 冲突 { $conflicts }
status-running = 节点正在运行
status-not-running = 节点没有运行，本次直接打开了数据
status-healthy = 正常
problem-update-needed = 需要升级：网中有本版本不认识的规则
problem-evidence = 有 { $count } 件被拒内容留作证据
problem-turned-away = { $peer }不得参与：{ $reason }
problem-refused = { $peer }发来的内容有 { $count } 件被拒或搁置：{ $reason }
problem-peer-hung-up = { $peer }挂断，不会自行恢复：{ $reason }
problem-we-hung-up = 与{ $peer }的连接已断，不会自行恢复：{ $reason }
hint-not-held-elsewhere = 有节点还缺 { $count } 条记录：shouwang sync
hint-conflicts = 查看冲突：shouwang elder list，再运行 shouwang elder show 档案
hint-up = 要随时同步：shouwang up
hint-first-sync = 这里还没有内容：shouwang sync --peer 地址
no-peers = 还没有与其他节点往来过：shouwang sync --peer 地址
peer-online = 在线
peer-exchanging = 在线，同步中
peer-seen = { $age }见过
peer-never = 从未
peer-refused = 被拒

# 同步。
sync-outcome =
    .done = 完成
    .failed = 失败
    .refused = 被拒
    .unreachable = 未联系上
sync-looking = 正在寻找其他节点
sync-progress = { $peer }：还有 { $owed } 条，已传 { $bytes }
sync-done = 完成：联系上的各方内容齐全
sync-failed = 有一次同步失败
sync-refused = 有一次同步被拒绝
sync-unreachable = 谁都没有联系上（可稍后再试）
retry-may-help = （可稍后再试）
no-need-to-retry = （不必再试）

# 校验。
verify-read = 读取 { $logs } 个日志、{ $entries } 条记录、{ $signatures } 个签名，重建 { $documents } 份文档、{ $elders } 位老人
verify-ok = 没有问题
verify-faults = 共 { $count } 处问题

# 仿真台账。
sample-done = { $name }：{ $elders } 位虚构的老人，在 { $path }
sample-areas = 该县的地名在 { $path }
sample-next = 接下来：shouwang area import areas.csv，再运行 shouwang import 台账.xlsx --dry-run
