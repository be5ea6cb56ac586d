# 删除档案。

help-elder-erase = 删除档案：一台设备签名后各处隐藏，第二台签名后清除内容
    .elder = 档案编号，写出足以区分的前几位即可
    .reason = 原因
    .root-key = 不用本设备，而用这个文件里的根密钥签名
    .yes = 确认签名；不写则只说明会发生什么
    .list = 列出已签名的、等待第二个签名的，以及迟到的更改
    .example =
        shouwang elder erase --list
        shouwang elder erase 3fa9 --reason right-to-erasure
        shouwang elder erase 3fa9 --reason right-to-erasure --yes
        shouwang elder erase 3fa9 --reason retention --root-key root.txt --yes

erase-would-hide = 第一个签名：档案 { $id }（{ $entries } 条记录）将在各节点隐藏。另一台有权的设备或根密钥再签名之前，不清除任何内容
erase-would-remove = 第二个签名：档案 { $id } 的 { $entries } 条记录的内容将在各节点永久清除
erase-hidden = 档案 { $id }（{ $entries } 条记录）已隐藏。另一台有权的设备或根密钥再签名后清除
erase-removed = 档案 { $id } 的 { $entries } 条记录的内容已在本机清除，其他节点得知后也会清除
erase-late = { $count ->
   *[other] 这份档案还有 { $count } 条后来的记录不在删除之列：予以保留并列出，须另行删除
}
erase-limits = 再也不同步的设备和此前做的备份仍会保有副本
erase-add-yes = 什么也没有写入。确认签名请加 --yes 再运行一次
no-erasures = 这里没有人签名删除过档案
erasure-void = 不生效
erasure-waits = 已隐藏，等待第二个签名
erasure-complete = 已清除
erasure-signed = { $name }，{ $reason }，{ $age }
erasure-list-next = 在另一台有权的设备上做第二个签名：shouwang elder erase 档案 --reason 原因 --yes
erasure-reason =
    .right_to_erasure = 本人要求删除
    .retention = 保存期满
    .mistake = 误建
    .other = 其他原因

error-erase_right = 本设备无权删除档案
    .hint = 请在县级设备上操作，或使用根密钥：shouwang elder erase 档案 --reason 原因 --root-key 文件
error-erase_again = 本设备已经签过名：须由另一台有权的设备或根密钥再签名
    .hint = 在县里另一台设备上，或在此运行：shouwang elder erase 档案 --reason 原因 --root-key 文件
error-erase_done = 档案已删除：两方都已签名，内容已不存在
    .hint = shouwang elder erase --list
error-erase_nothing = 这里没有这份档案的任何内容
    .hint = shouwang elder find 姓名
