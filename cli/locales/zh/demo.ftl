# 演示。

demo-mesh = 县、乡镇、村共 { $nodes } 个节点，逐级授权
demo-started = { $nodes } 个进程已运行，各自连接上一级
demo-process = { $name }：进程 { $process }，目录 { $home }
demo-places = 县里登记 { $places } 个地名，逐级下传
demo-imported = { $name }导入台账：{ $rows } 行，新增 { $new }，跳过 { $skipped }，退回 { $rejected }，缺项 { $gaps }
demo-first-sync = 各节点在 { $scopes } 个地方一致
demo-off-line = 断网：{ $names }
demo-visits = 断网期间记录探访 { $visits } 次
demo-both-edit = { $village }与{ $township }同时改了同一位老人的电话，互不知情
demo-back = 恢复联网
demo-converged = 各节点在 { $scopes } 个地方重新一致
demo-agreeing = 处一致
demo-same = 一致
demo-different = 不一致
demo-conflict = 保留的冲突：{ $elder }的{ $field }，生效 { $effective }，另存 { $others }
demo-totals = { $nodes } 个节点 · { $elders } 位老人 · { $entries } 条记录 · { $conflicts } 处冲突 · 传输 { $bytes } · { $seconds } 秒
demo-kept =
    各节点目录在 { $path }，可这样查看：
      shouwang --home { $path }/shanghe --key-file { $path }/demo.key elder list
      shouwang --home { $path }/county --key-file { $path }/demo.key status
      shouwang --home { $path }/songwu --key-file { $path }/demo.key verify
