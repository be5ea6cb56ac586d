# 冲突、撤销、历史、重复、合并。

help-conflicts = 互不知情时写下的并存的值
    .example =
        shouwang conflicts list
        shouwang conflicts resolve 3f9a12c4-7b21ee --keep 2
help-conflicts-list = 列出每个并存多个值的字段：谁写的、何时写的、哪个生效
    .scope = 只看这个地方及其下辖
    .elder = 只看这份档案：编号，或足以区分的前几位
    .example =
        shouwang conflicts list
        shouwang conflicts list --scope 990121101203
        shouwang conflicts list --elder 3fa9
help-conflicts-resolve = 在并存的值之间作出决定：写入一次看过全部值的修改
    .conflict = 冲突编号，见 `conflicts list`
    .keep = 保留这个序号的值
    .value = 改写为这个值
    .example =
        shouwang conflicts resolve 3f9a12c4-7b21ee --keep 2
        shouwang conflicts resolve 3f9a12c4-7b21ee --value 13900000001
help-undo = 以一次新的修改撤销本机最近所做；再撤销一次即恢复
    .dry-run = 只说明会做什么，不写入
    .yes = 不再询问
    .example =
        shouwang undo
        shouwang undo --dry-run
        shouwang undo --yes
help-elder-history = 一份档案的全部经过：谁做了什么，是否算数
    .elder = 档案编号，或足以区分的前几位
    .example = shouwang elder history 3fa9
help-elder-duplicates = 可能属于同一人的档案：身份证号相同，或同村同名同生日
    .example = shouwang elder duplicates
help-elder-merge = 合并同一人的两份档案：前者继续使用，后者随之一并显示
    .keep = 继续使用的档案
    .other = 另一份档案
    .dry-run = 只说明会做什么，不写入
    .yes = 不再询问
    .example =
        shouwang elder merge 3fa9 51aa
        shouwang elder merge 3fa9 51aa --dry-run

no-conflicts = 没有冲突
parts-differ = 各部门说法不一（不是冲突，所示为准）：
clocks-disagree = 有设备的时钟不可能正确：这里的时间说明不了先后
conflicts-next = 作出决定：shouwang conflicts resolve { $id } --keep 序号
kept-beside = 并存保留
effective-by =
    .most_protective_wins = 生效：最需关照者优先
    .last_writer_wins = 暂时生效，待人决定
    .write_once = 暂时生效，待县里核定
written-by = { $name }，{ $role }，{ $when }
clock-doubt =
    .before_seen = ! 时钟早于它已看到的内容
    .before_grant = ! 时钟早于它自己的授权
    .set_back = ! 时钟被拨回过
conflict-resolved = { $field }：现为 { $value }，不再是 { $replaced }
resolved-safer = 并存的 { $value } 需要更多关照，已由这次决定放下
resolved-certified = 县里同时予以认定

undo-these = 将撤销本机最近一次修改（{ $when }）：
undo-question = 撤销吗？
undo-nothing-left = 其中没有可以撤销的内容
undo-done = 已撤销 { $count } 处。要恢复：shouwang undo
undo-left = 保持不变：档案 { $id }，{ $field }：{ $reason } { $by }
undo-reason =
    .changed_since = 此后有人改写过
    .gone = 已经不在
    .there_already = 已有人重新写入
    .written_once = 只写一次，且其他单位已持有：由县里更正
    .does_not_count = 该条不算数
undo-kind =
    .grant = 授权（收回：shouwang device revoke）
    .revocation = 吊销
    .erasure = 删除
    .adoption = 采纳
    .transfer = 移交（shouwang transfer cancel）
    .places = 地名（重新导入即可）
    .rules = 规则（重新设定即可）
    .other = 这类条目
also-stood = 当时并存的 { $values } 不再恢复
nothing-said = （无）
history-what =
    .set = 写入
    .cleared = 清除
    .added = 添加
    .amended = 修改
    .removed = 移除
    .retracted = 撤回
    .restored = 恢复
vouched-for = 吊销后有人担保，或自他村移入
not-readable = （此处无法读出）
was-retracted = 已由 { $by } 撤回
takes-no-effect = 不由该单位认定
of-no-effect = 不生效：{ $field }：{ $says }（{ $by }）：{ $why }

no-duplicates = 没有重复档案
likeness =
    .same_id = 身份证号相同
    .same_name_and_birth_date = 同名同生日
duplicates-next = 合并同村的两份：shouwang elder merge { $keep } { $other }
duplicates-across = 不同村的：先移交其中一份（shouwang transfer offer），再合并
hint-duplicates = { $count } 人似有多份档案：shouwang elder duplicates
merge-these = { $keep } { $keep_name } 继续使用；{ $other } { $other_name } 随之一并显示
merge-copied = 复制
merge-not-copied = 本机无权复制，仍一并显示
merge-differs = 另一份为 { $other }，一并显示
merge-question = 确属同一人，合并吗？
merge-done = 已合并：{ $keep } 继续使用，{ $other } 随之一并显示
merge-undo = 要重新分开：shouwang undo
merged-into = 本档已并入 { $id }：shouwang elder show { $id }
merged-from = 档案 { $id } 已并入本档
not-taken-over = 仅见于并入的档案：{ $list }：{ $says }
differs-elsewhere = 此人另一份档案为 { $value }
stands-in-file = 取自档案 { $id }

error-in_conflict = { $field }有互不知情时写下的并存的值：修改不得抹去没人看过的值
    .hint = 先看 shouwang conflicts list，再：shouwang conflicts resolve { $id } --keep 序号
error-conflict_changed = 此处的值已有变化
    .hint = 重新查看后决定：shouwang conflicts resolve { $id } --keep 序号
error-conflict_unknown = 没有这个冲突：{ $id }
    .hint = shouwang conflicts list
error-conflict_number = 共有 { $count } 个值，请给出其中一个的序号
    .hint = shouwang conflicts list
error-conflict_choice = 请说明保留哪个值，或改写为什么
    .hint = shouwang conflicts resolve 冲突编号 --keep 序号，或 --value 文字
error-resident_id_review = 哪个身份证号正确，由县里认定
    .hint = 在县里：shouwang conflicts resolve { $id } --keep 序号
error-undo_nothing = 本机没有可以撤销的修改
    .hint = shouwang elder history 档案
error-undo_another = 预览之后本机又有新的修改
    .hint = 重新查看：shouwang undo
error-undo_too_large = 最近一次修改涉及的地方太多，无法整体撤销
    .hint = 导入更正后的台账，或逐份更正：shouwang elder set
error-not_undoable = 最近所做不能撤销：{ $what }
    .hint = shouwang log
error-merge_same = 档案不能与自己合并
    .hint = shouwang elder duplicates
error-merge_across_villages = 两份档案在不同的村：先移交其中一份
    .hint = shouwang transfer offer { $elder } { $scope }，到达后再合并
error-merge_contradicts = 两份档案在姓名、性别、出生日期、身份证号码上有两项以上不同，看来是两个人。确属一人的，请先更正：shouwang elder set
error-merge_roster = 一份档案已退出名册，另一份仍在册：请先在两份档案中记入同样的进出，以免遗漏：shouwang roster exit、shouwang roster enter
error-merged_elsewhere = 档案 { $elder } 已并入 { $other }
    .hint = 请用那一份：shouwang elder show { $other }
