# 失败。`error-<代码>` 说明出了什么事，`.hint` 说明接下来怎么办。

error-unexpected = 出错了：{ $detail }
    .hint = 加上 --verbose 再运行一次，把输出交给维护人员
error-interrupted = 已中断
error-no_home_directory = 找不到本节点的目录：系统没有指定用户目录
    .hint = shouwang --home DIR …

# 命令写法。
error-unknown_command = 没有 { $command } 这条命令
    .hint = { $help }
error-unknown_command_similar = 没有 { $command } 这条命令，是不是 { $similar }？
    .hint = { $help }
error-missing_command = 要运行哪条命令？
    .hint = shouwang --help
error-unknown_argument = 这条命令没有参数 { $argument }
    .hint = { $help }
error-missing_argument = 缺少：{ $argument }
    .hint = { $help }
error-argument_conflict = { $argument } 不能与 { $other } 同时使用
    .hint = { $help }
error-argument_count = { $argument }：值的个数不对
    .hint = { $help }
error-option_without_value = { $argument } 需要一个值
    .hint = { $help }
error-option_value = “{ $value }”不能用于 { $argument }
    .hint = { $help }
error-option_choice = “{ $value }”不能用于 { $argument }，可选：{ $allowed }
    .hint = { $help }
error-command_line = 命令写法无法识别
    .hint = { $help }

# 输入的内容。
error-date = { $argument }：“{ $value }”不是日期，请写作 2026-11-21
error-time = { $argument }：“{ $value }”不是时间，请写作 09:30
error-not_address = “{ $text }”不是网络地址，请写作 /ip4/127.0.0.1/tcp/4420
error-duration = { $argument }：“{ $value }”不是时长，请写作 90s 或 5m
error-division_code = { $argument }：“{ $value }”不是行政区划代码，应为 12 位数字，如 990121101203
error-choice = { $argument }：没有“{ $value }”这一项，可选：{ $allowed }
error-unknown_place = { $argument }：没有叫“{ $value }”的地方
    .hint = shouwang area list
error-ambiguous_place = { $argument }：有几个地方叫“{ $value }”：{ $codes }
    .hint = 请写行政区划代码
error-field_without_value = “{ $value }”：请写作 项目=内容，如 联系电话=13800990001
error-unknown_field = 没有“{ $value }”这个项目，可用的有：{ $allowed }
error-field_twice = “{ $value }”写了两次
error-value_empty = { $field }不能为空
error-value_too_long = { $field }有 { $length } 个字，最多 { $limit } 个
error-value_control = { $field }含有控制字符
error-value_date = { $field }应为 1800 至 2199 年间的日期，请写作 1942-03-15
error-value_division = { $field }应为 12 位行政区划代码
error-value_resident_id = { $field }：{ $reason }
error-value_choice = { $field }可选：{ $allowed }
error-value_number = { $field }应为 0 到 { $limit } 的整数
error-elder_without_name = 建档必须有姓名
    .hint = shouwang elder add --village 村 姓名=…
error-role_needed = { $area } 是省或市，请写明该设备的角色
    .hint = shouwang grant REQUEST --area { $area } --name NAME --role department

# 文件。
error-file_not_found = 没有文件 { $path }
error-file_exists = { $path } 已存在，不会覆盖
    .hint = 请换一个文件名
error-file_unreadable = 无法读取 { $path }：{ $detail }
error-file_unwritable = 无法写入 { $path }：{ $detail }
error-file_too_large = { $path } 过大，不像是真实的文件
error-file_encoding = { $path } 既不是工作簿，也不是 UTF-8 或 GB18030 文本
    .hint = 请另存为 .xlsx，或 UTF-8 编码的 CSV
error-file_not_csv = { $path } 不是 CSV 文件
    .hint = 请另存为 .xlsx，或 UTF-8 编码的 CSV
error-file_old_workbook = { $path } 是 .xls 文件，或设有密码
    .hint = 请另存为不设密码的 .xlsx
error-file_not_workbook = { $path } 无法作为工作簿读取：{ $detail }
    .hint = 请用表格软件打开，另存为 .xlsx
error-file_without_header = { $path } 中没有表头：在每张工作表的前几行里找过 姓名、身份证号码、所在村 等列名
    .hint = 补上列名，再运行：shouwang import 文件 --dry-run
error-area_file_empty = { $path } 中没有地名：每行应为 12 位行政区划代码、逗号、名称
error-rejected_exists = { $file } 已存在，不会覆盖
    .hint = 请换一个文件名：shouwang import 台账.xlsx --rejected 退回-2.xlsx
error-no_place_names = 本节点还没有地名，无法识别村
    .hint = 先同步：shouwang sync；或读入地名：shouwang area import 文件
error-rejected_of_several = --rejected 一次只写一份台账的退回行
    .hint = 请逐个导入
error-rejected_of_several_sheets = 几张工作表的退回行要写入 .xlsx 文件
    .hint = shouwang import 文件 --rejected 退回.xlsx
error-rejected_extension = 退回行写入 .xlsx 或 .csv 文件
    .hint = shouwang import 文件 --rejected 退回.xlsx
error-directory_not_empty = { $path } 不是空目录
    .hint = 请换一个新目录

# 节点。
error-no_node = { $home } 中没有节点
    .hint =
        新建一张网：shouwang init --area 代码
        新设备加入：shouwang request
error-not_joined = { $home } 中的节点尚未加入
    .hint = shouwang join --file invite.txt
error-already_joined = { $home } 中的节点已在一张网中
    .hint = 另建节点：shouwang --home DIR …
error-in_use = 另一个进程正在使用本节点的数据，且没有应答
    .hint = 等它结束；长期运行的节点请这样启动：shouwang up
error-home_not_writable = 无法建立 { $path }：{ $detail }
    .hint = shouwang --home DIR …
error-home_not_accessible = 没有权限读写 { $path }
    .hint = 用建立它的用户运行，或改正目录权限
error-area_level = { $area } 不是县或乡镇，一张网从县或乡镇开始
    .hint = shouwang init --area 990121000000
error-bad_invite = 邀请码无法读取：{ $detail }
    .hint = 请重新复制，或改用文件：shouwang join --file invite.txt
error-admin_port_in_use = 本机的端口 { $port } 已被占用
    .hint = 监控请换一个端口：shouwang up --admin-port 4422
error-admin_port = 本机的端口 { $port } 不能用：{ $detail }
    .hint = 请用1024以上的端口：shouwang up --admin-port 4422
error-port_in_use = { $address } 已被占用
    .hint = 先停掉另一个节点，或换一个端口：--listen /ip4/0.0.0.0/tcp/4421
error-network = 网络无法使用：{ $detail }
    .hint = 换一个端口：shouwang up --listen /ip4/0.0.0.0/tcp/0
error-node_unreachable = 正在运行的节点（进程 { $pid }）没有应答
    .hint = 请稍候；若一直如此，结束该进程，再运行：shouwang up
error-node_stopped = 节点已停止
    .hint = shouwang up
error-no_randomness = 操作系统没有提供随机数
error-thread = 操作系统没有提供更多线程
error-already_running = { $home } 中的节点已在运行
    .hint = shouwang status
error-invite_for_another_device = 这个邀请码是给另一台设备的
    .hint = 生成本设备的申请码：shouwang request
error-later_format = 数据由本程序更新的版本写过：{ $detail }
    .hint = 请在这里安装那个版本或更新的版本：shouwang --version
error-other_schema = 数据由另一版本的程序建立：{ $detail }
    .hint = 请用建立它的版本；或者用新目录重新登记本设备：shouwang --home 新目录 request，已同步的内容会从其他节点取回
error-store_corrupt = 数据文件已损坏：{ $detail }
    .hint = 先把整个目录另存一份，不要删除；再用新目录重新加入：shouwang --home 新目录 request
error-store_failed = 数据无法读写：{ $detail }
    .hint = 检查磁盘空间和状况，再运行：shouwang verify
error-bad_request = 正在运行的节点不理解这条命令
    .hint = 两边请用同一版本：先停止节点，再运行 shouwang up
error-unknown_request = 正在运行的节点没有这条命令
    .hint = 两边请用同一版本：先停止节点，再运行 shouwang up
error-reply = 节点的答复无法写出
error-import_answer = 节点没有对每一行作答，其余各行情况不明
    .hint = 请再导入一次，已导入的不会改变

# 加密与备份。
error-secret_needed = 数据已加密，此处没有可以打开它的口令或密钥文件
    .hint =
        在终端上运行会询问口令。否则请用其一：
        --passphrase-file FILE，或环境变量 SHOUWANG_PASSPHRASE
        --key-file FILE，或环境变量 SHOUWANG_KEY_FILE
error-new_secret_needed = 今后用什么上锁？
    .hint = shouwang device passphrase --new-passphrase-file FILE，或 --new-key-file FILE
error-two_secrets = 口令和密钥文件只能用一种
    .hint = 去掉 --passphrase-file、SHOUWANG_PASSPHRASE、--key-file、SHOUWANG_KEY_FILE 中多余的
error-passphrase_length = 口令至少 { $least } 个字符
    .hint = 几个词连在一起，好记又难猜
error-passphrases_differ = 两次输入的口令不同
    .hint = 请再试一次
error-terminal = 终端无法读取：{ $detail }
    .hint = 请用 --passphrase-file FILE 或 --key-file FILE
error-wrong_passphrase = 口令不对
    .hint =
        请再试一次，注意大小写和输入法。
        口令忘记或密钥文件丢失，谁也无法找回。请用新目录重新加入（shouwang --home NEW request，再 grant、join）：同步过的内容会从其他节点取回
error-wrong_key_file = 这个密钥文件打不开本节点
    .hint =
        请找当初建立的那一个。
        口令忘记或密钥文件丢失，谁也无法找回。请用新目录重新加入（shouwang --home NEW request，再 grant、join）：同步过的内容会从其他节点取回
error-passphrase_needed = 本节点用口令上锁，不用密钥文件
    .hint = 去掉 --key-file，或用 --passphrase-file FILE
error-key_file_needed = 本节点用密钥文件上锁，不用口令
    .hint = --key-file FILE，或环境变量 SHOUWANG_KEY_FILE
error-passphrase_memory = 空闲内存不足，无法核对口令
    .hint = 关闭其他程序后再试
error-key_file_not_found = 没有密钥文件 { $path }
    .hint = 请接上存放它的介质。口令忘记或密钥文件丢失，谁也无法找回。请用新目录重新加入（shouwang --home NEW request，再 grant、join）：同步过的内容会从其他节点取回
error-not_a_key_file = { $path } 不是密钥文件：密钥文件是 64 位十六进制数字
error-key_file_in_home = 密钥文件 { $path } 位于它所打开的目录之中
    .hint = 请放在别处，最好是另一介质：--key-file FILE
error-store_key_missing = store.key 不见了，没有它谁也读不了本节点的数据
    .hint =
        有备份：shouwang --home NEW restore FILE
        没有备份则重新加入：shouwang --home NEW request，再 grant、join；同步过的内容会从其他节点取回
error-store_key_damaged = store.key 已损坏，没有它谁也读不了本节点的数据
    .hint =
        有备份：shouwang --home NEW restore FILE
        没有备份则重新加入：shouwang --home NEW request，再 grant、join；同步过的内容会从其他节点取回
error-store_key_foreign = store.key 属于另一个数据文件，或数据文件开头已损坏
    .hint =
        把成对的两个文件放回原处，或用备份恢复：shouwang --home NEW restore FILE
        没有备份则重新加入：shouwang --home NEW request，再 grant、join；同步过的内容会从其他节点取回
error-store_not_encrypted = 数据文件没有加密，是旧版程序写的
    .hint = 用新目录重新加入：shouwang --home NEW request；同步过的内容会从其他节点取回。然后销毁旧文件
error-backup_running = 正在写备份
    .hint = 写完后再试
error-home_not_empty = { $path } 不是空目录
    .hint = 请恢复到新目录：shouwang --home NEW restore FILE
error-not_a_backup = { $path } 不是备份，或开头已损坏
error-backup_damaged = 备份已损坏
    .hint = 换一个备份；没有则重新加入：shouwang --home NEW request，再 grant、join
error-file_failed = { $path } 无法读写：{ $detail }

# 权限。
error-no_right = 本设备无权填写 { $scope } 的 { $part }
    .hint = shouwang status
error-no_right_for_field = 本设备无权填写{ $field }
    .hint = 由有权的一级填写：能力等级、风险等级由乡镇，认定值由县
error-outside_area = { $scope } 不在本设备的辖区内
    .hint = shouwang area list
error-written_once = { $field }只写一次，更正由县认定
    .hint = 在县里：shouwang elder set 档案 项目=内容 --certified
error-grant_invalid = 授权不成立：{ $detail }
    .hint = 辖区须在本设备辖区之内，角色不得有本设备没有的权限
error-bad_request_token = 申请码无法读取：{ $detail }
    .hint = 请在新设备上重新复制：shouwang request
error-root_inside_home = { $path } 在本节点的目录里：根密钥会同它一起丢失，或一起落入他人之手
    .hint = 请写到 U盘或别处，再锁好
error-needs_yes = 这一步要先问过人，而这里没有人可问
    .hint = 先用 --dry-run 查看，再加上 --yes
error-not_confirmed = 没有作任何更改
error-revoke_unknown = 这里不知道该设备的授权
    .hint = shouwang device list --all
error-revoke_right = 本设备无权吊销该设备：不能在其整个辖区内授权
    .hint = 由上一级吊销：shouwang device revoke 设备 --reason lost
error-revoke_depth = 本设备无权吊销该设备：自己的授权并不更接近根
    .hint = 由上一级吊销，或用根密钥：shouwang device revoke 设备 --reason lost --root-key 文件
error-revoke_again = 该授权已被吊销
    .hint = shouwang device list --all
error-revoke_blind = 本节点没有该设备整个辖区的内容：它在别处的记录和授权会全部失效
    .hint = 请在存有整个辖区、并已与其他节点同步过的节点上吊销
error-revoke_self = 设备不能吊销自己
    .hint = shouwang device retire
error-other_root = 这是另一张网的根密钥
error-bad_root_key = 根密钥无法读取：{ $detail }
    .hint = 文件中应是以 swroot1 开头的一行
error-device_revoked = 本设备的授权已被吊销，写什么都不会生效
    .hint = shouwang device list --all
error-device_granted = 该设备已有授权
    .hint = 要以新授权取代：shouwang grant 申请码 --area 代码 --name 名称 --replace
error-device_unknown = 没有以 { $device } 开头的设备
    .hint = shouwang device list --all --verbose
error-device_ambiguous = 有几台设备以 { $device } 开头
    .hint = 请多写几位，见：shouwang device list --all --verbose
error-quarantine_which = 要采纳哪些记录？
    .hint = shouwang quarantine adopt 记录号，或 --device 设备
error-quarantine_unknown = 隔离区中没有以 { $entry } 开头的记录
    .hint = shouwang quarantine list
error-quarantine_ambiguous = 隔离区中有几条记录以 { $entry } 开头
    .hint = 请多写几位，见：shouwang quarantine list --verbose
error-quarantine_no_change = { $entry } 不是档案的更改：授权和吊销请重新作出
    .hint = shouwang grant，或 shouwang device revoke
error-quarantine_empty = 隔离区中没有所指的记录
    .hint = shouwang quarantine list
error-bad_name = 设备名称为空或过长
error-own_entries_refused = 节点拒绝了自己的记录（{ $reason }）：磁盘或本程序有问题
    .hint = shouwang verify

# 档案。
error-elder_unknown = 没有以 { $elder } 开头的档案
    .hint = shouwang elder find 姓名
error-elder_ambiguous = 有几份档案以 { $elder } 开头
    .hint = 请多写几位，见：shouwang elder list --verbose
error-name_needed = 建档必须有姓名
    .hint = shouwang elder add --village 村 姓名=…
error-village_needed = 请写明老人所在的村
    .hint = shouwang elder add --village 村 姓名=…
error-value_unfit = { $field }不能这样写
    .hint = 请看看现有的几个值是怎样写的：shouwang conflicts list
error-edit = 这项更改无法写入
error-too_long = 这项更改有 { $bytes } 字节，一条记录装不下
    .hint = 请分几次填写
error-would_not_count = 这项更改不会生效：{ $reason }
error-place_name = { $code } 的名称过长
error-too_many_rows = 一次请求超过 { $limit } 行

# 仿真台账与演示。
error-sample_township = { $code } 不是虚构县的乡镇，该县有 { $known }
    .hint = shouwang sample --out 台账.xlsx --township 990121101000
error-sample_without_village = 虚构县至少要有一个村
    .hint = shouwang sample --out 台账.xlsx --villages 3
error-sample_too_large = 仿真台账最多 { $limit } 位老人
error-node_not_ready = { $home } 中的节点没有启动
    .hint = 日志在 { $log }
error-node_not_stopped = { $node } 没有按要求停止
error-demo_places = { $node } 没有按时收到各地名称
    .hint = shouwang demo --keep DIR，再看 DIR 中的日志
error-demo_not_converged = 各节点在以下地方不一致：{ $scopes }
    .hint = shouwang demo --keep DIR，再看 DIR 中的日志
