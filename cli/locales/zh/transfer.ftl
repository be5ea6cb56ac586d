# 村与村之间的移交。

error-moved_away = 档案 { $elder } 已移交到 { $to }，请在那里修改
    .hint = shouwang transfer list
error-transfer_same_place = 档案本来就在 { $to }
    .hint = shouwang area list
error-transfer_outside = { $to } 不是本网内的村或乡镇
    .hint = 移交到外县：加密导出，并办理退出。本网的地方：shouwang area list
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
