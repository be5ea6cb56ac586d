# 数据包：用U盘传递。

help-bundle = 用U盘交换网络上本应传送的内容
    .example =
        shouwang bundle export --to 990121101000 --out /media/stick
        shouwang bundle import /media/stick
        shouwang bundle inspect /media/stick
help-bundle-export = 把对方还没有的内容写入文件，只有对方能打开
    .to = 给谁：地方（代码或名称，其全部设备都能打开），或一台设备（名称，或密钥的前几位）；可以有几个
    .out = 新文件，或存放文件的目录
    .size = 拆成不超过这个大小的文件：512M、1.4M
    .full = 对方已有的内容也写入
    .example =
        shouwang bundle export --to 990121101000 --out /media/stick
        shouwang bundle export --to 990121101203 990121101204 --out villages.bundle
        shouwang bundle export --to 990121000000 --size 512M --out /media/stick
help-bundle-import = 导入别人带来的数据包；次序、次数不限
    .files = 文件，或存放它们的目录
    .example =
        shouwang bundle import /media/stick
        shouwang bundle import one-1.bundle one-2.bundle
help-bundle-inspect = 说明文件里有什么；不导入，也不打开档案
    .files = 文件，或存放它们的目录
    .example = shouwang bundle inspect /media/stick

bundle-progress-write = 正在写入数据包
bundle-progress-read = 正在读取数据包
bundle-written = { $path }：第 { $part } 份，共 { $parts } 份，{ $bytes }
bundle-for = { $entries } 条，给 { $names }；只有这些设备能打开。
bundle-nothing-new = 对方应有的内容都已在对方那里；文件里只有回执。
bundle-next = 到对方那里：shouwang bundle import 文件；再把对方 `shouwang bundle export` 写出的文件带回来，里面有回执
bundle-taken = { $path }（第 { $part } 份，共 { $parts } 份），来自{ $sender }：{ $entries } 条，其中新的 { $new } 条
bundle-waiting = { $path }：有 { $runs } 段在等它前面的内容
bundle-waiting-hint = 现在给对方写一个数据包，说明这里有什么；对方的下一个数据包会带来缺少的内容
bundle-missing-parts = 缺少第 { $parts } 份。先导入它，再导入这一份
bundle-refused = { $path }：拒收 { $runs } 段：{ $reason }
bundle-faulty = { $path }：{ $reason }
bundle-return = 回执随下一个给对方的数据包带回：shouwang bundle export
bundle-inside = { $path }：第 { $part } 份，共 { $parts } 份，{ $bytes }，来自 { $sender }，给 { $receivers }
bundle-written-at = 按对方的时钟，写于{ $age }
bundle-not-ours = 是给其他设备的，或属于另一个网络；里面的内容在这里打不开

bundle-fault =
    .not_a_bundle = 不是数据包
    .bundle_version = 由另一版本的程序写成
    .other_mesh = 属于另一个网络
    .not_for_us = 是给其他设备的
    .torn = 文件不完整；断开以前的内容已保留
    .altered = 内容与写出时不同；损坏以前的内容已保留
    .unknown_sender = 写出它的设备没有本网络的授权
    .revoked = 写出它的设备的授权已撤销
bundle-fault-hint =
    .not_a_bundle = 请找 `shouwang bundle export` 写出的那个文件
    .bundle_version = 请更新两个程序中较旧的一个
    .other_mesh = 请问带来的人它属于哪里；`shouwang status` 显示本节点的网络
    .not_for_us = 请对方为本设备写一个：shouwang bundle export --to 本设备所在的地方；U盘上给别人的不要动
    .torn = 请重新复制，或重新写一个，再次导入
    .altered = 请重新复制，或重新写一个；如果再次发生，请换一个U盘
    .unknown_sender = 请对方单位或其上级先带来一个数据包，或核实是谁：shouwang device list
    .revoked = 没有导入任何内容。如果设备找回来了，请重新授权：shouwang grant --replace

error-bundle_receivers = 数据包可以给 1 到 { $limit } 台设备，不能给 { $count } 台
    .hint = 分几个写，每个给其中一部分
error-bundle_receiver_gone = 设备 { $device } 的授权已经没有了
    .hint = 去掉它，重新写一个
error-bundle_nobody = 没有其他有授权的设备叫“{ $value }”
    .hint = shouwang device list 列出设备；地方用代码表示
error-bundle_several = 有 { $count } 台设备叫“{ $value }”
    .hint = 多写几位密钥：shouwang device list --verbose
error-bundle_none = { $path } 里没有数据包
    .hint = 请写出文件名
error-size = “{ $value }”不是大小
    .hint = 例如 512M 或 1.4M
error-bundle_size_small = 每份 { $size } 字节太小；这个数据包每份至少要 { $least } 字节
    .hint = 把 --size 写大些，或减少接收者
error-bundle_parts = 数据包会超过 { $limit } 份
    .hint = 把 --size 写大些
error-bundle_stick_full = 空间不够，写不下 { $path }
    .hint = 没有留下不完整的文件。请腾出空间或换一个大些的U盘；也可以用 --size 先导出到本机目录，再把各份拷到几个U盘上，次序不限
error-bundle_file_too_large = 这个U盘放不下 { $path } 这样大的文件
    .hint = 没有留下不完整的文件。请分成几份：--size 2G
error-bundle_stick_gone = 无法继续写入 { $path }：{ $detail }
    .hint = U盘可能被拔出或已写保护。以 .partial 结尾的文件不是数据包，请删除后重新写
