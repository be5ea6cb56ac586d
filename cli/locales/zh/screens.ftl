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
root-key-in-file = 根密钥只在 { $path } 中。请锁好：抄在纸上，或存入 U盘锁进保险柜，本机不要留存：全部设备丢失时只能靠它恢复，谁拿到它谁就掌握整张网
root-key-on-screen = 以下是根密钥，只显示这一次，不作保存：请抄在纸上锁好。全部设备丢失时只能靠它恢复，谁拿到它谁就掌握整张网
init-next = 接下来：shouwang area import 文件，再运行 shouwang up
request-pass-on = 请把这串申请码交给有权授权的人（发消息、写在纸上或念出来均可）：
compare-aloud = 请与对方念一遍核对：{ $fingerprint }
request-next = 然后：shouwang join 邀请码
grant-done = { $name }在 { $area } 的角色是{ $role }
invite-in-file = 邀请码在 { $path }
grant-next = 把邀请码交给新设备：shouwang join 邀请码
grant-next-file = 把该文件交给新设备：shouwang join { $path }
join-done = 本设备是{ $name }，{ $area } 的{ $role }
join-next = 接下来：shouwang up
join-next-without-address = 接下来：shouwang up；其他节点不在本局域网时加上 --peer 地址
request-in-file = 申请码在 { $path }：请把该文件交给有权授权的人
grant-replaced = 该设备原有的授权已吊销。它在下次同步时自动改用这一份，并重新发布这一份所允许的内容
qr-too-long = 没有二维码：内容太长，一个二维码装不下。请用 --out 文件
qr-too-wide = 没有二维码：需要 { $needed } 列，本窗口只有 { $width } 列。请放宽窗口，或用 --out 文件

# 设备。
grant-own = 本设备
grant-stands = 有效
grant-revoked = 已吊销
grant-void = 无效：授权者在此之前已被吊销
revocation-head = { $name } · { $device }（{ $role }，{ $area }）
revocation-keeps = 本节点此刻已有的它的记录仍然生效（{ $logs } 个日志）。断网也能吊销
revocation-cuts = 它另外写过或将要写的，都收进隔离区保存，不生效；可逐条采纳：shouwang quarantine list
revocation-grants = 它此前准许加入的设备，授权不变；此后的授权无效
revocation-unheard = 还没有听说此事的节点仍会与它往来，下次与知情的节点同步时才会知道
revocation-seen = 它看过的就是看过了，谁也收不回
revocation-question = 确定吊销？
revocation-done = 已吊销{ $name }
revocation-next = 下次同步时传开：shouwang sync
retire-what = 本设备交回自己的授权：此后写什么都不会生效，重新授权才能再加入
retire-question = 确定停用本设备？
exposure-contact = 最近一次见到：{ $seen } · 最近一次完整同步：{ $done } · 这里它的最后一条记录：{ $written }
exposure-encrypted = 它的目录是加密的：只拿到磁盘的人读不出内容；另有口令或密钥文件，或在运行时拿到它的人，什么都读得到
exposure-none = 其辖区内尚无老人档案
exposure-own-only = 从未向它发送过辖区内的档案，它只有自己写的内容
exposure-files = 它可能存有 { $elders } 位老人的档案：
quarantine-empty = 隔离区是空的
quarantine-next = 要采纳：shouwang quarantine adopt 记录号
adopt-these = 以下 { $count } 条记录将重新生效：
adopt-ancestors = 另有 { $count } 条随之生效，因为前者以它们为据：
adopt-question = 确定采纳？
adopt-done = 有 { $count } 条记录重新生效

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
restore-progress = 正在复制备份
restore-checking = 正在逐页核对
restore-done = 已恢复到 { $home }
restore-next = 先同步一次再录入：shouwang sync。备份之后的内容会从其他节点取回。不要再同时运行旧目录
compact-progress = 正在重写数据文件
compact-done = 已重写：原 { $before } 字节，现 { $after } 字节

# 导入。
import-progress = 正在导入
import-heading =
    .import-rejected = 退回：以下各行不导入
    .import-skipped = 跳过：以下各行不是老人，或前面已有
    .import-gaps = 缺项：以下各行照常导入，但缺这些内容
    .import-differences = 更改：已有档案的以下各项不同
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
settle-conflict = 处理冲突：shouwang conflicts list --elder { $id }
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
hint-not-held-elsewhere = 有节点还缺 { $count } 条记录：shouwang sync
hint-conflicts = 查看冲突：shouwang conflicts list
hint-up = 要随时同步：shouwang up
hint-first-sync = 这里还没有内容：shouwang sync --peer 地址
no-peers = 还没有与其他节点往来过：shouwang sync --peer 地址
peer-online = 在线
peer-exchanging = 在线，同步中
peer-seen = { $age }见过
peer-stale = 久未往来，{ $age }见过
peer-skewed = 在线，时钟不一致
peer-never = 从未
peer-refused = 被拒

# 同步。
sync-outcome =
    .held_back = 等待流量
    .done = 完成
    .failed = 失败
    .refused = 被拒
    .unreachable = 未联系上
sync-looking = 正在寻找其他节点
sync-progress = { $peer } { $bytes }
sync-done = 完成：联系上的各方内容齐全
sync-failed = 有一次同步失败
sync-refused = 有一次同步被拒绝
sync-unreachable = 谁都没有联系上（可稍后再试）
retry-may-help = （可稍后再试）
no-need-to-retry = （不必再试）

# 校验。
verify-progress = 正在逐条读取
verify-read = 读取 { $logs } 个日志、{ $entries } 条记录、{ $signatures } 个签名，重建 { $documents } 份文档、{ $elders } 位老人
verify-ok = 没有问题
verify-faults = 共 { $count } 处问题

# 仿真台账。
sample-done = { $name }：{ $elders } 位虚构的老人，在 { $path }
sample-areas = 该县的地名在 { $path }
sample-next = 接下来：shouwang area import areas.csv，再运行 shouwang import 台账.xlsx --dry-run

# 留存、查阅登记、被拒内容。
custody-level = { $level }已留存：尚缺 { $count } 条
custody-level-all = { $level }已留存：全部
held-all-but = { $count ->
    [0] 全部
   *[other] 尚缺 { $count } 条
}
retire-safe = 可以清除本设备：它写的每条记录都已在别处留存
retire-not-safe = 不可清除本设备：据本机所知，上列记录别处没有
retire-hint = shouwang sync，直到上级回执
nothing-refused = 没有被拒的内容，所有记录都生效
refused-by-a-later-version = 本版本没有这个代码的说明。请升级本程序
refused-count = 共 { $count } 件
nothing-audited = 本节点上还没有人查阅过老人信息
audit-full = 查阅登记已满，最早的 { $count } 行已删去
audit-gone = 更早的 { $count } 行已删去
problem-vouched = 有 { $count } 条吊销之后写下的记录因后来的更改以它为据而生效，请查看
custody-nobody = 没有其他设备为本设备所写的内容作回执。要确认有第二份，请再准许一台管整个辖区的设备加入：在该设备上 shouwang request，在本机 shouwang grant
