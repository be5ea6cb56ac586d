# 帮助。`help-<路径>` 是一条命令，其属性是各参数和示例。

help-usage = 用法:
help-commands = 命令
help-command-value = 命令
help-options-value = 选项
help-arguments = 参数
help-options = 选项
help-global-options = 所有命令通用
help-help = 显示帮助
help-possible = [可选：{ $value }]
help-default = [默认：{ $value }]
help-environment = [环境变量：{ $value }]
help-heading =
    .example = 示例:
    .exit-codes = 退出码:

help = 守望：农村留守老年人档案，村、乡镇、县三级各存一份，联网断网都能用
    .home = 本节点的目录
    .passphrase-file = 口令取自此文件第一行，不再询问；也可放在环境变量 SHOUWANG_PASSPHRASE 中
    .key-file = 用此密钥文件代替口令打开；新建节点时，文件不存在则新建
    .json = 输出一个 JSON 对象，不输出文字
    .format = 表格的输出方式
    .color = 何时使用颜色
    .lang = 界面语言，不随系统设置
    .as-of = 计算年龄、人群分类和默认日期所用的日子，默认今天（东八区）
    .verbose = 显示更多：完整编号、具体时间、日志
    .version = 显示版本
    .example =
        shouwang demo
        shouwang init --area 990121000000 --root-out root.txt
        shouwang status
    .exit-codes =
        0 正常或已完成
        1 失败
        2 命令写法不对
        3 已完成，但有事需要人处理
        4 所存数据有损坏或丢失的危险
        5 谁都联系不上，可稍后再试
        6 被拒绝：本设备无权这样做

help-init = 新建一张网，本设备是其中第一台
    .area = 整张网的辖区，12 位行政区划代码
    .name = 本设备的显示名称
    .root-out = 把根密钥写入这个新文件（须在节点目录之外），不显示在屏幕上
    .example =
        shouwang init --area 990121000000
        shouwang init --area 990121000000 --name "霁川县民政局" --root-out root.txt

help-request = 生成本设备的密钥，打印申请码，交给有权授权的人
    .out = 把申请码写入这个新文件，不输出到标准输出
    .qr = 把申请码显示为二维码
    .example =
        shouwang request
        shouwang request --out request.txt
        shouwang request --qr

help-grant = 准许一台设备加入，在本辖区之内指定其辖区
    .request = 新设备用 `request` 打印的申请码、存有它的文件，或 - 表示标准输入
    .area = 该设备的辖区：行政区划代码或地名
    .name = 该设备的显示名称
    .role = 该设备的角色；默认按辖区级别：县 registrar、乡镇 manager、村 clerk
    .address = 写进邀请码、供新设备联系的地址；可写多个
    .replace = 以这份授权取代该设备原有的授权
    .root-key = 以根的名义授权，根密钥在这个文件中：县里最后一台设备丢失时靠它恢复
    .quota-mib = 最多可写入多少 MiB（默认 256）；超出的部分各节点都会拒收
    .out = 把邀请码写入这个新文件，不输出到标准输出
    .qr = 把邀请码显示为二维码
    .example =
        shouwang grant swreq1qq… --area 990121101000 --name "松雾镇民政办" --out invite.txt
        shouwang grant request.txt --area 990121101203 --name "上禾村帮扶人" --role helper
        shouwang grant request.txt --area 990121000000 --name "县民政局" --root-key root.txt

help-join = 凭邀请码加入
    .invite = `grant` 打印的邀请码、存有它的文件，或 - 表示标准输入
    .file = 从这个文件读取邀请码
    .example =
        shouwang join invite.txt
        shouwang join swinv1qq…

help-device = 设备：谁参与其中，以及吊销设备的授权
    .example =
        shouwang device list
        shouwang device revoke 7f3a --reason lost
help-device-list = 列出设备：角色、辖区、由谁授权、是否有效
    .all = 也列出已吊销和无效的授权
    .example =
        shouwang device list
        shouwang device list --all --format tsv
help-device-revoke = 吊销一台设备的授权：此刻这里已有的它的记录仍然生效，之后的不生效
    .device = 设备或授权的编号，或足以区分的前几位
    .reason = 原因
    .root-key = 以根的名义吊销，根密钥在这个文件中
    .dry-run = 只说明会怎样、该设备看过什么，不写入
    .show-personal = 列出它可能存有档案的老人姓名
    .yes = 不再询问
    .example =
        shouwang device revoke 7f3a --reason lost --dry-run
        shouwang device revoke 7f3a --reason compromised
help-device-retire = 停用本设备：交回自己的授权，此后写什么都不会生效
    .check = 只查明本设备能否清除，它写的记录是否都已在别处留存：可以清除时退出码为 0，否则为 4
    .dry-run = 只说明会怎样，不写入
    .yes = 不再询问
    .example =
        shouwang device retire
        shouwang device retire --check
        shouwang device retire --dry-run

help-area = 地名
    .example =
        shouwang area import areas.csv
        shouwang area list
help-area-import = 从 CSV 文件读入地名
    .file = 文件：每行一个代码、一个名称，UTF-8 或 GB18030 编码
    .dry-run = 只说明会怎样，不写入
    .example =
        shouwang area import areas.csv --dry-run
        shouwang area import areas.csv
help-area-list = 列出已知的地名
    .within = 只列该地及其下辖的地方：代码或地名
    .example =
        shouwang area list
        shouwang area list 990121101000

help-up = 运行本节点，直到叫停
    .listen = 监听地址，端口 0 表示自动选择；可写多个
    .peer = 除已记住的以外还要连接的节点；可写多个
    .no-mdns = 不在局域网内寻找其他节点
    .no-relay = 不为其他节点转接连接，即使本设备有此权限
    .admin-port = 本机程序经哪个端口询问本节点（指标在 /metrics）；不写则用本设备惯用的端口，已被占用时用空闲端口
    .metrics-token-file = 出示此文件第一行的，可以读取指标，别的都不行
    .log-file = 日志写入此文件，满 1 MiB 换一个；不写则在目录里的 logs/shouwang.log
    .no-log-file = 不写日志文件
    .stop-with-stdin = 标准输入结束时停止
    .example =
        shouwang up
        shouwang up --peer /ip4/10.1.2.3/tcp/4420
        shouwang up --listen /ip4/0.0.0.0/tcp/4430 --no-mdns
        shouwang up --listen /ip4/10.1.2.3/tcp/4420/p2p/12D3KooW…/p2p-circuit

help-open = 在浏览器中打开本节点的页面；节点没有运行时一并运行
    .no-browser = 不启动浏览器，只给出链接
    .listen = 监听地址，端口 0 表示自动选择；可写多个
    .peer = 除已记住的以外还要连接的节点；可写多个
    .no-mdns = 不在局域网内寻找其他节点
    .no-relay = 不为其他节点转接连接，即使本设备有此权限
    .admin-port = 本机程序经哪个端口询问本节点（指标在 /metrics）；不写则用本设备惯用的端口，已被占用时用空闲端口
    .metrics-token-file = 出示此文件第一行的，可以读取指标，别的都不行
    .log-file = 日志写入此文件，满 1 MiB 换一个；不写则在目录里的 logs/shouwang.log
    .no-log-file = 不写日志文件
    .stop-with-stdin = 标准输入结束时停止
    .example =
        shouwang open
        shouwang open --no-browser --lang zh
help-device-passphrase = 更换本节点的口令或密钥文件；节点可以正在运行
    .new-passphrase-file = 新口令取自此文件第一行，不再询问
    .new-key-file = 改用此密钥文件上锁，不用口令；文件不存在则新建
    .example =
        shouwang device passphrase
        shouwang device passphrase --new-key-file /media/key/office.key

help-device-wipe = 销毁本目录：先毁密钥，再删数据和日志。导出的文件和备份不动
    .lose-unheld = 即使有记录别处没有，或数据打不开，也销毁：这些记录就没有了
    .yes = 不再询问
    .example =
        shouwang device wipe
        shouwang device wipe --lose-unheld --yes
    .exit-codes =
        0  已销毁
        4  什么也没做：会丢失记录

help-backup = 把本节点的全部数据写入一个加密文件；节点可以正在运行
    .file = 新文件；已有的文件不会被覆盖
    .example =
        shouwang backup /media/stick/office.backup

help-restore = 用备份建立一个新目录
    .file = 备份文件；用备份当时的口令或密钥文件打开
    .example =
        shouwang --home NEW restore /media/stick/office.backup
        shouwang --home NEW --key-file office.key restore office.backup

help-compact = 重写数据文件，已删除的内容不再留在其中
    .example =
        shouwang compact

help-import = 导入台账：.xlsx，或 UTF-8、GB18030 编码的 .csv
    .files = 台账文件
    .dry-run = 只说明哪些会新增、更改、不变、跳过、退回，不写入
    .rejected = 把退回的行写入这个新台账，改好后可再导入
    .diff = 把对已有档案的更改逐项写入这个 CSV 文件
    .yes = 更改已有档案时不再询问；没有终端可询问时必须写明
    .example =
        shouwang import 台账.xlsx --dry-run
        shouwang import 台账.xlsx --rejected 退回.xlsx
        shouwang import 松雾镇.xlsx 清荷乡.csv --json

help-elder = 老人档案
    .example =
        shouwang elder list
        shouwang elder find 0047
        shouwang elder show 3fa9
help-elder-add = 建档
    .village = 所在村：行政区划代码或村名；本节点只管一个村时可省略
    .reason = 列入名册的原因：首次摸排、年满60周岁、赡养人外出、赡养人失去能力、迁入、重新纳入、漏登补录
    .date = 自哪天起列入名册 [默认：今天]
    .fields = 各项内容；必须有姓名
    .example =
        shouwang elder add --village 上禾村 姓名=卫德福 性别=男 出生日期=1942-03-15
help-elder-show = 查看档案
    .elder = 档案编号，写出足以区分的前几位即可
    .show-resident-id = 显示完整的公民身份号码，默认只显示末四位
    .example =
        shouwang elder show 3fa9
        shouwang elder show 3fa9 --as-of 2026-12-31
help-elder-set = 填写档案
    .elder = 档案编号，写出足以区分的前几位即可
    .fields = 各项内容
    .certified = 写入本设备有权填写的最高一级
    .example =
        shouwang elder set 3fa9 联系电话=13800990001
        shouwang elder set 3fa9 能力等级=重度失能 --certified
help-elder-list = 列出老人
    .scope = 只列该地及其下辖的地方：代码或地名
    .example =
        shouwang elder list
        shouwang elder list --scope 上禾村 --format tsv
help-elder-find = 按姓名的一部分、拼音首字母、门牌、身份号码末四位或档案编号查找
    .text = 要找的内容
    .example =
        shouwang elder find 卫
        shouwang elder find wgy
        shouwang elder find 0047

help-visit = 探访
    .example =
        shouwang visit add 3fa9
        shouwang visit list --from 2026-11-01
help-visit-add = 记录一次探访；各词可用中文或英文
    .elder = 档案编号，写出足以区分的前几位即可
    .date = 探访日期 [默认：--as-of]
    .time = 时间，写作 时:分
    .mode = 方式：上门、电话、视频、集中、远程监测
    .outcome = 结果：完成、无人应答、拒绝、外出
    .occasion = 事由：日常、节日、极端天气、封控、回访
    .health = 健康：正常、需关注或有问题，冒号后写事项（表达、行动、反应、疾病、精神状态）
    .economic = 经济：写法同 --health（穿衣、吃饭、住房、出行、就医、已享待遇）
    .family = 家庭赡养：写法同 --health（未履行赡养义务、少有探望问候）
    .safety = 安全：写法同 --health（房屋、水、电、气、暖、消防）
    .needs = 服务需求，用逗号分开：生活照料、康复护理、精神慰藉、紧急救援、适老化改造、助餐、助洁、助医、助行、代买代缴、辅具、法律援助
    .actions = 已采取的措施：告知、提醒、转介、紧急处置
    .visitor = 探访人
    .note = 备注，不超过 500 字
    .example =
        shouwang visit add 3fa9
        shouwang visit add 3fa9 --mode 电话 --outcome 无人应答
        shouwang visit add 3fa9 --health 需关注:行动,疾病 --needs 助餐 --note 取暖器坏了
help-visit-list = 列出探访，新的在前
    .elder = 只列这位老人的：档案编号或其前几位
    .from = 从这一天起
    .to = 到这一天止
    .example =
        shouwang visit list 3fa9
        shouwang visit list --from 2026-11-01 --to 2026-11-30

help-log = 列出被拒或不生效的内容，或谁查阅过老人信息
    .refused = 被拒的内容，以及已保存但不生效的记录，附原因
    .all = 连同只是在等待的记录
    .audit = 谁在本节点上列出、查看、导出或打印过老人信息
    .example =
        shouwang log --refused
        shouwang log --refused --all --json
        shouwang log --audit --format tsv

help-status = 本节点的状况：所存各地、其他节点、待处理的事
    .example =
        shouwang status
        shouwang status --json

help-peers = 与其他各节点的往来
    .example =
        shouwang peers
        shouwang peers --verbose

help-lag = 哪个村没有动静、数据有多旧、这里还缺多少
    .within = 只看这个地方及其以下：代码或名称
    .unhealthy = 只列需要有人过问的村
    .example =
        shouwang lag
        shouwang lag 990121101000 --unhealthy
    .exit-codes =
        0  各村都按时有新数据
        3  有村超过规定天数没有新数据，或上次往来失败且不会自行恢复

help-doctor = 逐项检查，并说明怎么处理。不作任何改动
    .unhealthy = 只列有问题的
    .bundle = 写一份报告给帮忙的人：只有数字和代码，不涉及老人
    .example =
        shouwang doctor
        shouwang doctor --bundle report.json
    .exit-codes =
        0  没有问题
        3  有事需要人处理
        4  记录有丢失的危险

help-watch = 看着每个对方的进展和正在发生的事；不在终端上时一件一行
    .example =
        shouwang watch
        shouwang watch --json
    .exit-codes =
        0  看完了，或没有人再读

help-metrics = 供监控系统收集的指标，Prometheus 格式
    .example =
        shouwang metrics
        shouwang metrics > shouwang.prom.new && mv shouwang.prom.new /var/lib/node_exporter/shouwang.prom
    .exit-codes =
        0  已输出，不论节点情况如何

help-explain = 解释代码或状态，以及档案或某地的档案为什么在或不在这里
    .what = 代码，如 forked_log；地方代码；或档案编号的开头
    .example =
        shouwang explain forked_log
        shouwang explain 990121101203
        shouwang explain 51aa

help-quarantine = 隔离区：吊销之后写下的记录
    .example =
        shouwang quarantine list
        shouwang quarantine adopt c91e
help-quarantine-list = 列出吊销之后写下的记录，以及其中仍然生效的
    .scope = 只看这个地方及其以下：代码或名称
    .example =
        shouwang quarantine list
        shouwang quarantine list --scope 990121101203
help-quarantine-adopt = 采纳隔离区的记录，连同它们所依据的记录
    .entries = 记录号，或足以区分的前几位
    .device = 该设备的全部记录
    .dry-run = 只说明会采纳什么，不写入
    .yes = 不再询问
    .example =
        shouwang quarantine adopt c91e --dry-run
        shouwang quarantine adopt --device 7f3a

help-sync = 与联系得上的节点逐一同步，然后结束
    .peer = 除已记住的以外还要连接的节点；可写多个
    .timeout = 最长用时，如 90s、5m
    .example =
        shouwang sync
        shouwang sync --peer /ip4/10.1.2.3/tcp/4420 --timeout 5m

help-verify = 重新读取全部记录、核对签名、重建各文档
    .example =
        shouwang verify
        shouwang verify --json

help-demo = 试一试：在本机用八个进程演示一个县的导入、断网、再汇合
    .seed = 生成人名地名的种子
    .elders = 各台账合计的老人数
    .keep = 把各节点目录留在这个新目录里，供查看
    .example =
        shouwang demo
        shouwang demo --elders 400 --keep county
        shouwang demo --json

help-sample = 生成一份仿真台账，其中人物均属虚构
    .seed = 生成人名地名的种子
    .elders = 老人数
    .township = 虚构的霁川县下辖的乡镇
    .out = 要写入的台账文件
    .faults = 混入真实台账常见的差错
    .areas = 把该县的地名写入这个文件，供 `area import` 使用
    .townships = 该县的乡镇数
    .villages = 每个乡镇的村数
    .example =
        shouwang sample --out 台账.xlsx --areas areas.csv
        shouwang sample --seed 7 --elders 500 --faults --township 990121200000 --out 清荷乡.xlsx

help-manual = 供 man 查阅的手册，语言与提示相同
    .out = 每个命令一页，写入此目录
    .example =
        shouwang manual | man -l -
        shouwang manual --out ~/.local/share/man/man1

help-completions = 打印命令行补全脚本
    .shell = 命令行外壳
    .example =
        source <(shouwang completions bash)
        shouwang completions powershell
