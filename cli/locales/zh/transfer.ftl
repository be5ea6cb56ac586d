# 村与村之间的移交。

help-transfer = 移交：老人从一个村迁到另一个村
    .example =
        shouwang transfer offer 3fa9 --to 990121101204
        shouwang transfer list
        shouwang transfer accept 5c1d
help-transfer-offer = 把老人移交给另一个村；对方接收之前，责任仍在本地
    .elder = 档案编号，写出足以区分的前几位即可
    .to = 移入地：区划代码或地名
    .all = 某地的全部老人
    .from = 与 --all 连用：移出地
    .date = 移交日期，不写为今天
    .note = 给接收方的说明
    .dry-run = 与 --all 连用：只说明会移交什么，不写入
    .yes = 与 --all 连用：不再询问
    .example =
        shouwang transfer offer 3fa9 --to 990121101204 --note "随儿子居住"
        shouwang transfer offer --all --from 990121101203 --to 990121101204 --dry-run
help-transfer-accept = 接收移交到本地的老人：第二方签名
    .transfer = 移交编号或档案编号，写出足以区分的前几位即可
    .all = 某地移交来的全部老人
    .from = 与 --all 连用：移出地
    .date = 接收日期，不写为今天
    .note = 说明
    .dry-run = 与 --all 连用：只列出移交，不写入
    .yes = 与 --all 连用：不再询问
    .example =
        shouwang transfer accept 5c1d
        shouwang transfer accept --all --from 990121101203
help-transfer-decline = 退回移交到本地的老人：责任仍在移出地
    .transfer = 移交编号或档案编号，写出足以区分的前几位即可
    .date = 日期，不写为今天
    .note = 原因
    .example =
        shouwang transfer decline 5c1d --note "未迁来"
help-transfer-cancel = 撤回本地提出的移交；已被接收的不能撤回
    .transfer = 移交编号或档案编号，写出足以区分的前几位即可
    .date = 日期，不写为今天
    .note = 原因
    .example =
        shouwang transfer cancel 5c1d
help-transfer-list = 列出未办完的移交：在等谁
    .scope = 只看移出或移入这个地方及其以下的：代码或名称
    .all = 连同已办完的
    .example =
        shouwang transfer list
        shouwang transfer list --all --scope 990121101203
help-transfer-out = 把档案加密移交到外县；对方确认之前，老人仍在本地名册
    .elder = 档案编号，写出足以区分的前几位即可
    .to = 本网以外的地方：区划代码
    .recipient = 接收方的公钥 age1…；可写多个
    .output = 加密文件，须是新文件
    .date = 日期，不写为今天
    .note = 给接收方的说明
    .example =
        shouwang transfer out 3fa9 --to 510822000000 --recipient age1… --output elder.tar.age
help-transfer-acknowledged = 登记外县已确认收到档案：老人以迁出退出名册
    .transfer = 移交编号或档案编号，写出足以区分的前几位即可
    .date = 确认日期，不写为今天
    .note = 何人、以何方式确认
    .example =
        shouwang transfer acknowledged 5c1d --note "外县民政局第17号回执"

transfer-stage =
    .offered = 已移交，待接收
    .accepted = 已接收
    .moved = 已交接
    .done = 已办结
    .declined = 已退回
    .cancelled = 已撤回
    .superseded = 不再办理：档案已移往别处
    .left = 外县已确认
transfer-step = 移交 { $id }：档案 { $elder }，从 { $from } 到 { $to }：{ $stage }
transfer-offered-next = 对方接收之前，责任仍在本地。移交由同时保有两地的节点转送。查看在等谁：shouwang transfer list
transfer-accepted-next = 同时保有两地的最近节点（乡镇或县）得知后办理交接，档案连同全部历史即在本地显示。现在同步：shouwang sync
transfer-declined-next = 责任仍在移出地，下次同步时对方得知：shouwang sync
transfer-cancelled-next = 责任仍在本地。如对方得知之前已经接收，接收有效
transfer-preview = 从 { $from } 到 { $to }：{ $elders } 位老人，{ $entries } 条记录，{ $bytes }
transfer-preview-offered = { $count ->
   *[other] 其中 { $count } 位已在移交途中，不再重复移交
}
transfer-preview-device = 设备 { $name }（{ $device }）的授权在移出地，如要继续工作，须授权到移入地：shouwang grant 申请 --area { $to }
transfer-offer-question = { $count ->
   *[other] 移交 { $count } 位老人？
}
transfer-accept-question = { $count ->
   *[other] 接收 { $count } 位老人？
}
transfer-offered-all = { $count ->
   *[other] 已移交 { $count } 位老人，待接收
}
transfer-accepted-all = { $count ->
   *[other] 已接收 { $count } 位老人
}
transfer-skipped = { $count ->
   *[other] 略过 { $count } 位：已在移交途中，或移交是本设备提出的
}
transfer-none = 这里没有过移交
transfer-none-open = 没有未办完的移交。查看已办完的：shouwang transfer list --all
transfer-waits-you = 本地接收
transfer-waits-acceptance = { $to } 接收
transfer-waits-executor = 同时保有两地的节点
transfer-waits-receipts = 另一节点确认副本
transfer-next-answer = shouwang transfer accept { $id }，或退回：shouwang transfer decline { $id } --note 原因
transfer-next-sync = 同步，以得知和告知：shouwang sync
transfer-stub-holds = 本地仍存有内容，待另一节点确认副本后清除
transfer-stub-gone = 本地只留移交记录
transfer-out-written = 档案 { $elder }（{ $documents } 份文档）已为 { $to } 加密：{ $path }
transfer-out-next = 老人仍在名册。外县确认收到后：shouwang transfer acknowledged { $id } --note 说明。撤回：shouwang transfer cancel { $id }
transfer-left = 档案 { $elder }：{ $to } 已确认收到，老人以迁出退出 { $from } 的名册
transfer-left-next = 档案留存本地，不再列入应办。如老人返回：shouwang roster enter 档案 --reason re-entry
transfer-waits-acknowledgement = 本网以外的 { $to } 确认
transfer-next-acknowledged = 外县确认收到后：shouwang transfer acknowledged { $id } --note 说明

error-moved_away = 档案 { $elder } 已于 { $date } 移交到 { $to }，由那里保管和修改
    .hint = shouwang transfer list --all
error-transfer_same_place = 档案本来就在 { $to }
    .hint = shouwang area list
error-transfer_outside = { $to } 不是本网内的村或乡镇
    .hint = 移交到外县：shouwang transfer out。本网的地方：shouwang area list
error-transfer_open = 这位老人已在移交到 { $to } 的途中
    .hint = shouwang transfer list，或撤回：shouwang transfer cancel { $transfer }
error-transfer_unknown = 这里没有以 { $transfer } 开头的移交
    .hint = shouwang transfer list
error-transfer_ambiguous = 以 { $transfer } 开头的移交不止一件
    .hint = 请多写几位：shouwang transfer list
error-transfer_not_carried = 移交 { $transfer } 还没有送到接收地：由同时保有两地的节点转送
    .hint = shouwang sync
error-transfer_accepted = 移交 { $transfer } 已被接收，接收有效
    .hint = 如需移回，请在接收地办理：shouwang transfer offer
error-transfer_declined = 移交 { $transfer } 已被退回
    .hint = 重新移交：shouwang transfer offer
error-transfer_cancelled = 移交 { $transfer } 已撤回
    .hint = 请移出地重新移交
error-transfer_same_device = 移交是本设备提出的，须由另一台设备接收，才算两方签名
    .hint = 在接收地：shouwang transfer accept
error-transfer_superseded = 移交 { $transfer } 不再办理：档案已移往别处
    .hint = shouwang transfer list
error-transfer_inside = { $to } 不是本网以外的地方
    .hint = 本网之内：shouwang transfer offer 档案 --to { $to }
error-bad_recipient = { $recipient } 不是接收方的公钥
    .hint = 接收方的公钥以 age1 开头：请再索要一次并口头核对
error-seal = 文件未能加密：{ $detail }
    .hint = 请再试一次；如仍不行：shouwang verify
